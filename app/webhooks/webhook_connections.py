"""Webhook connections: the signature scheme and the secrets of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from app.credentials.secrets import VAULT, Secrets
from app.settings.connections import ConnectionSettings
from app.settings.reading import SettingsError
from app.signatures import Secret, UnusableSecret, check_secret
from app.vendors.models import Connections
from mappings.manifest import Vendor
from mappings.webhooks import Scheme, WebhookManifest

NamedSecret: TypeAlias = tuple[Secret, str]
"""A secret, and its name for the record of last uses."""


@dataclass(frozen=True, kw_only=True)
class WebhookConnection:
    """The webhooks of one connection.

    `readers` return the present secrets of each reference, in the order of the configuration. Without any secret, every
    webhook is refused. `pending` answers the vendor's unsigned ping during setup.
    """

    connection: str
    manifest: WebhookManifest
    source: Secrets
    readers: Sequence[Callable[[], Sequence[NamedSecret]]] = field(repr=False)
    pending: bool


def load_webhook_connections(
    settings: Mapping[str, ConnectionSettings], connections: Connections, source: Secrets
) -> Mapping[str, WebhookConnection]:
    """Load the connections of all vendors that send webhooks.

    Raises SettingsError with all complaints, without any secret: a secret that cannot be resolved or is malformed for
    its scheme, and settings for calls at a connection that only receives webhooks.
    """
    loaded: dict[str, WebhookConnection] = {}
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
        readers = [
            _reader(connection, place, vendor.webhooks.scheme, source, complaints)
            for place in range(len(connection.webhook_secrets))
        ]
        loaded[name] = WebhookConnection(
            connection=name,
            manifest=vendor.webhooks,
            source=source,
            readers=[read for read in readers if read is not None],
            pending=connection.pending,
        )
    if complaints:
        raise SettingsError("\n".join(complaints))
    return loaded


def _reader(
    connection: ConnectionSettings,
    place: int,
    scheme: Scheme,
    source: Secrets,
    complaints: list[str],
) -> Callable[[], Sequence[NamedSecret]] | None:
    """Return what reads the secrets of one reference. Those of the vault change; others are read once."""
    reference = connection.webhook_secrets[place]
    where = f"[connections.{connection.name}] webhook_secrets[{place}]"
    try:
        accepted = source.accepted(reference)
        for secret, _ in accepted:
            check_secret(scheme, secret.value)
    except SettingsError as error:
        complaints.append(f"{where}: {error}")
        return None
    except UnusableSecret as error:
        complaints.append(f"{where}, {reference.secret}: {error}.")
        return None
    return partial(source.accepted, reference) if reference.secret.startswith(VAULT) else partial(tuple, accepted)
