"""The configured connections."""

from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.vendors.models import Connection, Connections
from canonical.parts import ObjectName
from mappings.kit.line_fields import LINE
from mappings.registry import MANIFESTS, VENDORS, manifest_of
from mappings.stock import StockReads


def connections_of(settings: Settings) -> Connections:
    """Return the configured connections with their vendors. Raises SettingsError for an unknown vendor, and for stock
    levels and custom fields of order lines that a vendor does not have."""
    _refuse_unknown_vendors(settings)
    _refuse_stock_without_reads(settings)
    _refuse_line_fields(settings)
    return Connections(
        by_name={
            name: Connection(
                name=name,
                vendor=manifest_of(connection.vendor, only_takes_webhooks=connection.only_takes_webhooks),
                layout=connection.csv,
                attaches_orders=connection.attach_orders_by_email,
                options=connection.options,
                stock=connection.stock,
            )
            for name, connection in settings.connections.items()
        },
        systems_of_record=settings.systems_of_record,
        custom_keys=_custom_keys(settings),
    )


def _custom_keys(settings: Settings) -> dict[ObjectName, frozenset[str]]:
    keys: dict[ObjectName, frozenset[str]] = {}
    for connection in settings.connections.values():
        for name, fields in connection.custom_fields.items():
            keys[name] = keys.get(name, frozenset()) | {one.key for one in fields}
        if connection.csv is not None:
            keys[connection.csv.object] = keys.get(connection.csv.object, frozenset()) | connection.csv.custom_keys
    return keys


def _refuse_unknown_vendors(settings: Settings) -> None:
    known = ", ".join(sorted(MANIFESTS))
    complaints = [
        f"connections.{name}: there is no vendor {connection.vendor!r}; there are: {known}."
        for name, connection in settings.connections.items()
        if connection.vendor not in MANIFESTS
    ]
    if complaints:
        raise SettingsError("\n".join(complaints))


def _refuse_stock_without_reads(settings: Settings) -> None:
    without = [
        name
        for name, connection in settings.connections.items()
        if connection.stock is not None and _reads_of(connection) is None
    ]
    if without:
        counting = ", ".join(vendor.title for vendor in VENDORS.values() if vendor.stock is not None)
        reason = f"stock is not possible, because Lockstitch reads stock levels only of {counting}."
        raise SettingsError("\n".join(f"connections.{name}: {reason}" for name in without))


def _refuse_line_fields(settings: Settings) -> None:
    complaints = [
        f"connections.{name}.custom_fields.orders[{number}]: vendor_field {one.vendor_field!r} names a field of order "
        f"lines, and {MANIFESTS[connection.vendor].title} has no custom fields of lines. Remove it, or name a field of "
        "the order."
        for name, connection in settings.connections.items()
        for number, one in enumerate(connection.custom_fields.get("order", ()))
        if one.vendor_field.startswith(LINE) and not _has_line_fields(connection)
    ]
    if complaints:
        raise SettingsError("\n".join(complaints))


def _has_line_fields(connection: ConnectionSettings) -> bool:
    vendor = VENDORS.get(connection.vendor)
    return vendor is not None and vendor.line_fields


def _reads_of(connection: ConnectionSettings) -> StockReads | None:
    vendor = None if connection.only_takes_webhooks else VENDORS.get(connection.vendor)
    return None if vendor is None else vendor.stock
