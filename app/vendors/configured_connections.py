"""The configured connections and the pace of their jobs."""

from app.queue.models import LaneSettings
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.vendors.models import Connection, Connections
from canonical.parts import ObjectName
from mappings.manifest import Vendor
from mappings.registry import MANIFESTS, manifest_of


def connections_of(settings: Settings) -> Connections:
    """Return the configured connections with their vendors. Raises SettingsError for an unknown vendor."""
    _refuse_unknown_vendors(settings)
    return Connections(
        by_name={
            name: Connection(
                name=name,
                vendor=manifest_of(connection.vendor, only_takes_webhooks=connection.only_takes_webhooks),
                layout=connection.csv,
                attaches_orders=connection.attach_orders_by_email,
                options=connection.options,
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


def lanes_of(settings: Settings, connections: Connections) -> dict[str, LaneSettings]:
    """Return how fast the jobs of each connection may start."""
    return {name: _lane(settings, name, connection) for name, connection in connections.by_name.items()}


def _lane(settings: Settings, name: str, connection: Connection) -> LaneSettings:
    vendor = connection.vendor
    if not isinstance(vendor, Vendor):
        return LaneSettings(rate=None)  # it only receives webhooks: its jobs call no vendor
    pacing = settings.connections[name].pacing or vendor.pacing
    return LaneSettings(rate=pacing.units / pacing.per_seconds, burst=max(1.0, float(pacing.concurrency)))


def _refuse_unknown_vendors(settings: Settings) -> None:
    known = ", ".join(sorted(MANIFESTS))
    complaints = [
        f"connections.{name}: there is no vendor {connection.vendor!r}; there are: {known}."
        for name, connection in settings.connections.items()
        if connection.vendor not in MANIFESTS
    ]
    if complaints:
        raise SettingsError("\n".join(complaints))
