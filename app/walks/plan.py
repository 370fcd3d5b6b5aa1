"""Plan pulls: which objects of which connections are read for changes, and how often."""

from typing import Final

from msgspec.structs import replace

from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.pull import OFF, PullRule, seconds_of
from app.vendors.configured_connections import connections_of
from app.vendors.models import Connections
from app.walks.models import ListPlan, PullPlan
from canonical.parts import ObjectName
from mappings.manifest import Manifest, Vendor
from mappings.registry import AnyMapping, active

OFTEN: Final = PullRule(every="5m", overlap="5m", page=100)
"""For what no webhook reports."""
SAFETY_NET: Final = PullRule(every="1h", overlap="5m", page=100)
"""For what webhooks report, and for lists of everything."""
MOST_OFTEN: Final = 60
"""Seconds between two pulls that a freshness limit asks for, at least."""
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")


def plans_of(settings: Settings, connections: Connections) -> tuple[PullPlan, ...]:
    """Return the plans of all objects that are pulled."""
    return tuple(
        plan
        for name, connection in sorted(connections.by_name.items())
        for object_name in OBJECTS
        if (plan := _plan_of(settings, settings.connections[name], connection.vendor, object_name)) is not None
    )


def lists_of(settings: Settings) -> dict[tuple[str, ObjectName], ListPlan]:
    """Return how each object of each connection is listed that its vendor can list. Raises SettingsError."""
    plans: dict[tuple[str, ObjectName], ListPlan] = {}
    for name, connection in connections_of(settings).by_name.items():
        for object_name in OBJECTS:
            mapping = listed(connection.vendor, object_name)
            if mapping is not None:
                rules = (*settings.connections[name].pull.rules_of(object_name), settings.pull, SAFETY_NET)
                page_size = next(rule.page for rule in rules if rule.page is not None)
                plans[name, object_name] = ListPlan(
                    page_size=min(page_size, mapping.endpoints.max_limit), by_change=mapping.endpoints.updated_since
                )
    return plans


def _plan_of(
    settings: Settings, connection: ConnectionSettings, vendor: Manifest, object_name: ObjectName
) -> PullPlan | None:
    """Return how an object is pulled; None if its vendor cannot list it, or it is switched off."""
    mapping = listed(vendor, object_name)
    if mapping is None:
        return None
    by_change = mapping.endpoints.updated_since
    by_hints = not by_change and mapping.endpoints.hints is not None
    default = OFTEN if (by_change or by_hints) and not sends_webhooks(connection, vendor, object_name) else SAFETY_NET
    limit = settings.ownership[object_name].freshness_of(connection.name)
    if limit is not None and (by_change or by_hints):
        default = _within(limit, default)
    rules = (*connection.pull.rules_of(object_name), settings.pull, default)
    every = next(rule.every for rule in rules if rule.every is not None)
    if every == OFF:
        return None
    overlap = next(rule.overlap for rule in rules if rule.overlap is not None)
    page_size = next(rule.page for rule in rules if rule.page is not None)
    return PullPlan(
        connection=connection.name,
        object=object_name,
        every=seconds_of(every),
        overlap=seconds_of(overlap),
        page_size=min(page_size, mapping.endpoints.max_limit),
        by_change=by_change,
        by_hints=by_hints,
        frequency=every,
    )


def listed(vendor: Manifest, object_name: ObjectName) -> AnyMapping | None:
    """Return the mapping of an object that the vendor can list; None if it cannot."""
    mapping = active(vendor, object_name) if isinstance(vendor, Vendor) else None
    return None if mapping is None or mapping.endpoints.list is None or mapping.endpoints.page is None else mapping


def _within(limit: int, default: PullRule) -> PullRule:
    """Return a default that pulls twice within the freshness limit, but at most once a minute."""
    seconds = max(MOST_OFTEN, limit // 2)
    return default if seconds >= seconds_of(default.every or OFF) else replace(default, every=f"{seconds}s")


def sends_webhooks(connection: ConnectionSettings, vendor: Manifest, object_name: ObjectName) -> bool:
    """Return whether webhooks report the changes of an object: the vendor sends them, and the connection verifies
    them."""
    webhooks = vendor.webhooks
    return webhooks is not None and object_name not in webhooks.silent and bool(connection.webhook_secrets)
