"""Plan walks: which objects of which connections are listed, how often they are pulled, and how often reconciled."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from app.http.plurals import PLURAL
from app.settings.environment import Settings
from app.settings.pull import OFF, STOCK_LEVEL, PullRule, seconds_of
from app.settings.reconcile import ReconcileRule
from app.vendors.models import Connection, Connections
from app.walks.models import ListPlan, PullPlan
from app.walks.reconcile.models import ReconcilePlan
from canonical.parts import ObjectName
from mappings.manifest import Manifest, Vendor
from mappings.registry import active

OFTEN: Final = PullRule(every="5m", overlap="5m", page=100)
"""For what no webhook reports."""
STOCK: Final = PullRule(every="15m", overlap="5m", page=100)
"""For stock levels, of which no vendor lists the changes."""
SAFETY_NET: Final = PullRule(every="1h", overlap="5m", page=100)
"""For what webhooks report, and for lists of everything."""
RECONCILED: Final = ReconcileRule(every="1d", grace="15m", repair="report")
MOST_OFTEN: Final = 60
"""Seconds between two pulls that a freshness limit asks for, at least."""
PULLED_PLURAL: Final[Mapping[str, str]] = dict([*PLURAL.items(), (STOCK_LEVEL, "stock_levels")])
"""The table of each object in `[connections.<name>.pull]`."""
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")


def lists_of(settings: Settings, connections: Connections) -> dict[tuple[str, ObjectName], ListPlan]:
    """Return how each object is listed that its connection may use and its vendor can list, sorted by connection."""
    plans: dict[tuple[str, ObjectName], ListPlan] = {}
    for name, connection in sorted(connections.by_name.items()):
        vendor, configured = connection.vendor, settings.connections[name]
        for object_name in OBJECTS:
            if not configured.may_use(object_name):
                continue
            mapping = active(vendor, object_name) if isinstance(vendor, Vendor) else None
            if mapping is None or mapping.endpoints.list is None or mapping.endpoints.page is None:
                continue
            rules = (*configured.pull.rules_of(object_name), settings.pull, SAFETY_NET)
            page_size = next(rule.page for rule in rules if rule.page is not None)
            by_change = mapping.endpoints.updated_since
            plans[name, object_name] = ListPlan(
                page_size=min(page_size, mapping.endpoints.max_limit),
                by_change=by_change,
                by_hints=not by_change and mapping.endpoints.hints is not None,
                sends_webhooks=bool(configured.webhook_secrets) and _sends(vendor, object_name),
            )
    return plans


def _sends(vendor: Manifest, object_name: ObjectName) -> bool:
    return vendor.webhooks is not None and object_name not in vendor.webhooks.silent


def pull_plans_of(settings: Settings, connections: Connections) -> tuple[PullPlan, ...]:
    """Return the plans of all objects that are pulled."""
    plans = [_pull_plan(settings, *one, listed) for one, listed in lists_of(settings, connections).items()]
    plans += [_stock_plan(settings, one) for _, one in sorted(connections.by_name.items())]
    return tuple(plan for plan in plans if plan is not None)


def _stock_plan(settings: Settings, connection: Connection) -> PullPlan | None:
    """Return how the stock levels of a connection are pulled; None if they are not."""
    reads = connection.stock_reads
    if reads is None or connection.stock is None:
        return None
    limit = connection.stock.freshness_seconds
    default = STOCK if limit is None else _within(limit, STOCK)
    rules = (*settings.connections[connection.name].pull.rules_of(STOCK_LEVEL), settings.pull, default)
    every = next(rule.every for rule in rules if rule.every is not None)
    page_size = next(rule.page for rule in rules if rule.page is not None)
    if every == OFF:
        return None
    return PullPlan(
        connection=connection.name,
        object=STOCK_LEVEL,
        every=seconds_of(every),
        overlap=0.0,
        page_size=min(page_size, reads.max_limit),
        by_change=False,
        by_hints=False,
        frequency=every,
    )


def _pull_plan(settings: Settings, name: str, object_name: ObjectName, listed: ListPlan) -> PullPlan | None:
    """Return how an object is pulled; None if that is switched off."""
    is_cheap = listed.by_change or listed.by_hints
    default = OFTEN if is_cheap and not listed.sends_webhooks else SAFETY_NET
    limit = settings.ownership[object_name].freshness_of(name)
    if limit is not None and is_cheap:
        default = _within(limit, default)
    rules = (*settings.connections[name].pull.rules_of(object_name), settings.pull, default)
    every = next(rule.every for rule in rules if rule.every is not None)
    if every == OFF:
        return None
    return PullPlan(
        connection=name,
        object=object_name,
        every=seconds_of(every),
        overlap=seconds_of(next(rule.overlap for rule in rules if rule.overlap is not None)),
        page_size=listed.page_size,
        by_change=listed.by_change,
        by_hints=listed.by_hints,
        frequency=every,
    )


def _within(limit: int, default: PullRule) -> PullRule:
    """Return a default that pulls twice within the freshness limit, but at most once a minute."""
    seconds = max(MOST_OFTEN, limit // 2)
    return default if seconds >= seconds_of(default.every or OFF) else replace(default, every=f"{seconds}s")


def reconcile_plans_of(settings: Settings, connections: Connections) -> tuple[ReconcilePlan, ...]:
    """Return the plans of all objects that can be listed in full."""
    pulled = {(one.connection, one.object) for one in pull_plans_of(settings, connections)}
    plans = []
    for (name, object_name), listed in lists_of(settings, connections).items():
        rules = (*settings.connections[name].reconcile.rules_of(object_name), settings.reconcile, RECONCILED)
        every = next(rule.every for rule in rules if rule.every is not None)
        plan = ReconcilePlan(
            connection=name,
            object=object_name,
            every=None if every == OFF else seconds_of(every),
            frequency=every,
            grace=seconds_of(next(rule.grace for rule in rules if rule.grace is not None)),
            repair=next(rule.repair for rule in rules if rule.repair is not None),
            page_size=listed.page_size,
            is_pulled=(name, object_name) in pulled,
            sends_webhooks=listed.sends_webhooks,
        )
        plans.append(plan)
    return tuple(plans)
