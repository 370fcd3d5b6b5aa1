"""Webhook connections: the signature scheme and the secrets of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.settings.file import ConnectionSettings, SettingsError, resolve_secret
from app.signatures import Secret, UnusableSecret, check_secret
from app.vendors.models import Connections
from mappings.spec import Vendor
from mappings.webhooks import Scheme, WebhookManifest


@dataclass(frozen=True, kw_only=True)
class WebhookConnection:
    """The webhooks of one connection.

    `secrets` are in the order of the configuration; without any, every webhook is refused. `pending` answers the
    vendor's unsigned ping during setup.
    """

    connection: str
    manifest: WebhookManifest
    secrets: Sequence[Secret] = field(repr=False)
    pending: bool


def load_webhook_connections(
    settings: Mapping[str, ConnectionSettings], connections: Connections, environment: Mapping[str, str]
) -> Mapping[str, WebhookConnection]:
    """Load the connections of all vendors that send webhooks.

    Raises SettingsError with all complaints, without any secret: a secret that cannot be resolved or is malformed for
    its scheme, and settings for calls at a connection that only receives webhooks.
    """
    found: dict[str, WebhookConnection] = {}
    complaints: list[str] = []
    for name, connection in settings.items():
        vendor = connections.by_name[name].vendor
        if not isinstance(vendor, Vendor):
            complaints += [
                f"[connections.{name}] {pointless} has no effect: Lockstitch only receives webhooks of {vendor.title}."
                for pointless in ("base_url", "credentials", "custom_fields", "pacing")
                if getattr(connection, pointless)
            ]
        if vendor.webhooks is None:
            continue
        secrets = [
            _secret(connection, place, vendor.webhooks.scheme, environment, complaints)
            for place in range(len(connection.webhook_secrets))
        ]
        found[name] = WebhookConnection(
            connection=name,
            manifest=vendor.webhooks,
            secrets=[secret for secret in secrets if secret is not None],
            pending=connection.pending,
        )
    if complaints:
        raise SettingsError("\n".join(complaints))
    return found


def _secret(
    connection: ConnectionSettings,
    place: int,
    scheme: Scheme,
    environment: Mapping[str, str],
    complaints: list[str],
) -> Secret | None:
    given = connection.webhook_secrets[place]
    where = f"[connections.{connection.name}] webhook_secrets[{place}]"
    try:
        value = resolve_secret(given.secret, environment)
        check_secret(scheme, value)
    except SettingsError as error:
        complaints.append(f"{where}: {error}")
        return None
    except UnusableSecret as error:
        complaints.append(f"{where}, {given.secret}: {error}.")
        return None
    return Secret(value=value, not_before=given.not_before, not_after=given.not_after)
