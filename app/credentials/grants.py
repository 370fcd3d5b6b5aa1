"""Which grant a connection uses, and the scopes that it needs."""

from typing import Any

from app.settings.connections import ConnectionSettings
from app.settings.reading import SettingsError
from canonical.parts import ObjectName
from mappings.manifest import Vendor
from mappings.tokens import Access, Grant


def grant_of(settings: ConnectionSettings, vendor: Vendor[Any]) -> Grant | None:
    """Return the grant of a connection; None if its credential is static.

    Without `grant` in the settings, the names of the secrets decide. Raises SettingsError if they are incomplete or
    fit several grants.
    """
    configured, where = set(settings.credentials), f"[connections.{settings.name}]"
    if settings.grant is None and set(vendor.auth.secrets) <= configured:
        return None
    offered = [grant for grant in vendor.grants if settings.grant in (None, grant.kind)]
    if settings.grant is not None and not offered:
        kinds = ", ".join(grant.kind for grant in vendor.grants) or "none"
        raise SettingsError(f"{where} grant {settings.grant} is not possible: {vendor.title} has {kinds}.")
    fitting = [grant for grant in offered if set(grant.secrets) <= configured]
    if len(fitting) > 1:
        raise SettingsError(f"{where} lacks grant: name one of {', '.join(grant.kind for grant in fitting)}.")
    if settings.grant is not None and not fitting:
        lacking = [name for name in offered[0].secrets if name not in configured]
        raise SettingsError(f"{where} credentials lacks {', '.join(lacking)}.")
    return fitting[0] if fitting else None


def needed_scopes(settings: ConnectionSettings, vendor: Vendor[Any], grant: Grant) -> tuple[str, ...]:
    """Return the least scopes for the enabled objects and verbs, and for stock levels if they are read, sorted, with
    those of the settings."""
    access: dict[ObjectName, Access] = {}
    for mapping in vendor.mappings:
        if mapping.object == "comment":
            continue  # comments belong to tickets
        most: Access = "write" if mapping.endpoints.actions() else "read"
        if settings.access:
            allowed = settings.access.get(mapping.object)
            if allowed is None:
                continue
            most = "read" if allowed == "read" else most
        access[mapping.object] = most
    stock = vendor.stock.scopes if vendor.stock is not None and settings.stock is not None else ()
    return tuple(sorted({*vendor.scopes.needed(access), *stock, *grant.scopes, *settings.scopes}))
