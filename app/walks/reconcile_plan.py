"""Plan reconciliations: which objects of which connections are listed in full, and how often."""

from typing import Final

from app.settings.environment import Settings
from app.settings.pull import OFF, seconds_of
from app.settings.reconcile import ReconcileRule
from app.vendors.models import Connections
from app.walks.plan import OBJECTS, listed, plans_of, sends_webhooks
from app.walks.reconcile_models import ReconcilePlan

DEFAULT: Final = ReconcileRule(every="1d", grace="15m", repair="report")
PAGE_SIZE: Final = 100


def reconcile_plans_of(settings: Settings, connections: Connections) -> tuple[ReconcilePlan, ...]:
    """Return the plans of all objects that can be listed in full."""
    pulled = {(one.connection, one.object): one for one in plans_of(settings, connections)}
    plans = []
    for name, connection in sorted(connections.by_name.items()):
        configured = settings.connections[name]
        for object_name in OBJECTS:
            mapping = listed(connection.vendor, object_name)
            if mapping is None:
                continue
            rules = (*configured.reconcile.rules_of(object_name), settings.reconcile, DEFAULT)
            every = next(rule.every for rule in rules if rule.every is not None)
            pull = pulled.get((name, object_name))
            size = min(PAGE_SIZE, mapping.endpoints.max_limit) if pull is None else pull.page_size
            plan = ReconcilePlan(
                connection=name,
                object=object_name,
                every=None if every == OFF else seconds_of(every),
                frequency=every,
                grace=seconds_of(next(rule.grace for rule in rules if rule.grace is not None)),
                repair=next(rule.repair for rule in rules if rule.repair is not None),
                page_size=size,
                is_pulled=pull is not None,
                sends_webhooks=sends_webhooks(configured, connection.vendor, object_name),
            )
            plans.append(plan)
    return tuple(plans)
