"""Reconcile: how often records are compared with what was last seen, `[reconcile]` and
`[connections.<name>.reconcile]`."""

from typing import Literal

from msgspec import Struct

from app.settings.pull import Duration, Every
from canonical.parts import ObjectName

Repair = Literal["report", "emit"]


class ReconcileRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When all records are listed, such as `every = "1d"`, or `"off"`; how old a change must be to count as missed
    (`grace`), and whether it is only reported or also becomes an Event (`repair`). A member that is None is decided by
    the next wider table."""

    every: Every | None = None
    grace: Duration | None = None
    repair: Repair | None = None


class ReconcileSettings(ReconcileRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>.reconcile]`: the rule of a connection, and those of its objects."""

    customers: ReconcileRule = ReconcileRule()
    orders: ReconcileRule = ReconcileRule()
    tickets: ReconcileRule = ReconcileRule()

    def rules_of(self, object_name: ObjectName) -> tuple[ReconcileRule, ...]:
        """Return the rules of an object, the narrowest first."""
        own = {"customer": self.customers, "order": self.orders, "ticket": self.tickets}
        return (own[object_name], self)
