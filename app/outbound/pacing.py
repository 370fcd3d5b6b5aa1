"""Keeping below a vendor's published limit: `units` in any `per_seconds`.

Every request gets a start time at which the units of the window that ends there suffice, in the order of asking. The
window is taken a little longer than it is, because requests reach the vendor less evenly than they leave. What others
spend of the same limit is learnt from the budget in the vendor's replies.

The count is this process's own: several processes on one connection meet in the vendor's budget and its throttling.
"""

from typing import Final

from msgspec import Struct

from mappings.http import Budget

MARGIN: Final = 1.02
# Requests that start within this part of a window are counted as one, so that the list stays short.
GRAIN: Final = 0.01


class _Spent(Struct):
    start: float
    end: float
    units: float


class Pacer:
    """Start times for one connection. Times are seconds on one monotonic clock that the caller reads."""

    def __init__(self, units: float, per_seconds: float, *, fixed: bool = False) -> None:
        """`fixed`: the operator chose the limit, so a vendor that allows more does not raise it."""
        self._units = units
        self._window = per_seconds
        self._fixed = fixed
        self._spent: list[_Spent] = []
        self._last: _Spent | None = None
        self._latest = 0.0

    def wait_for(self, cost: float, now: float) -> float:
        """Seconds until `cost` more units could be spent, without taking them."""
        return self._place(cost, now) - now

    def reserve(self, cost: float, now: float) -> float:
        """Take `cost` units; seconds until the request may start. A request dearer than the limit gets all of it."""
        start = self._place(cost, now)
        cost = min(cost, self._units)
        self._latest = start
        end = start + self._window * MARGIN
        if self._last is not None and start < self._last.start + self._window * GRAIN:
            self._last.end = end
            self._last.units += cost
        else:
            self._last = _Spent(start, end, cost)
            self._spent.append(self._last)
        return start - now

    def learn(self, budget: Budget, now: float) -> None:
        """Take over what the vendor says. What is missing without our doing was spent by somebody else just now."""
        restore = budget.restore_per_second
        if restore is not None and restore > 0 and not self._fixed:
            self._units = restore * self._window
        ours = sum(spent.units for spent in self._spent if spent.start <= now < spent.end)
        others = self._units - ours - max(budget.remaining, 0.0)
        if others < 1.0:
            return
        back_in = self._window
        if budget.reset_after is not None:
            back_in = max(budget.reset_after, 0.0)
        elif restore is not None and restore > 0:
            back_in = min(self._window, others / restore)
        self._spent.append(_Spent(now, now + back_in, others))

    def _place(self, cost: float, now: float) -> float:
        self._spent = [spent for spent in self._spent if spent.end > now]
        at = max(now, self._latest)
        if sum([spent.units for spent in self._spent]) + min(cost, self._units) <= self._units:
            return at  # the usual case: all that is still counted leaves room
        ahead = sorted((spent.end, spent.units) for spent in self._spent if spent.end > at)
        free = self._units - sum(units for _, units in ahead)
        for end, units in ahead:
            if free >= min(cost, self._units):
                break
            free += units
            at = end
        return at
