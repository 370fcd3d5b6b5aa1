"""Open the client for the connections of the settings that are called: addresses, credentials, budgets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.credentials.secrets import Secrets
from app.egress.exchange import RequestSender
from app.queue.pauses import PostgresPauses
from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.vendors.budget_store import PostgresBudgets
from app.vendors.client import VendorClient
from app.vendors.connection_state import AccountBudgets, LiveConnection
from app.vendors.credentials import credential_of
from app.vendors.fact_store import PostgresAccountFacts
from app.vendors.health import Patience
from app.vendors.models import CalledConnection
from app.vendors.store import PostgresBoundAccounts
from mappings.manifest import Vendor
from mappings.registry import MANIFESTS, VENDORS, manifest_of


@asynccontextmanager
async def open_vendor_client(
    settings: Settings,
    secrets: Secrets,
    patience: Patience | None = None,
    pauses: PostgresPauses | None = None,
    bound: PostgresBoundAccounts | None = None,
    shared: PostgresAccountFacts | None = None,
    budgets: PostgresBudgets | None = None,
    wire: RequestSender | None = None,
) -> AsyncIterator[VendorClient]:
    """Yield the client for every connection that is called, not those that only receive webhooks. `pauses`, `bound`
    accounts, `shared` facts and `budgets` are those of the installation. Without a `wire`, it opens one.

    Raises SettingsError with all complaints: an unknown vendor, a missing address, a missing secret.
    """
    live_connections: dict[str, LiveConnection] = {}
    account_budgets = AccountBudgets(budgets)
    complaints = []
    if wire is None:
        from app.egress.transport import Wire  # noqa: PLC0415 - commands that send nothing need no HTTP client

        wire = Wire()
    for name, connection in settings.connections.items():
        if connection.vendor in MANIFESTS and not _is_called(connection):
            continue  # it only receives webhooks
        try:
            live_connections[name] = _live_connection(
                connection, secrets, patience or Patience(), pauses, wire, account_budgets
            )
        except SettingsError as error:
            complaints.append(str(error))
    if complaints:
        raise SettingsError("\n".join(complaints))
    client = VendorClient(live_connections, wire, pauses, bound, shared, account_budgets)
    try:
        yield client
    finally:
        await client.close()
        await wire.close()


def _is_called(settings: ConnectionSettings) -> bool:
    manifest = manifest_of(settings.vendor, only_takes_webhooks=settings.only_takes_webhooks)
    return isinstance(manifest, Vendor)


def _live_connection(
    settings: ConnectionSettings,
    secrets: Secrets,
    patience: Patience,
    pauses: PostgresPauses | None,
    wire: RequestSender,
    budgets: AccountBudgets,
) -> LiveConnection:
    vendor = VENDORS.get(settings.vendor)
    if vendor is None:
        known = ", ".join(sorted(MANIFESTS))
        raise SettingsError(f"[connections.{settings.name}] unknown vendor {settings.vendor!r}. Known are: {known}.")
    if foreign := sorted(settings.options.keys() - vendor.options):
        raise SettingsError(f"[connections.{settings.name}] {vendor.title} has no setting {', '.join(foreign)}.")
    return LiveConnection(
        CalledConnection(name=settings.name, vendor=vendor),
        settings,
        patience,
        secrets,
        pauses,
        credential_of(settings, vendor, secrets, wire),
        budgets,
    )
