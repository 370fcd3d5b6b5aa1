"""Keep below a vendor's published limit: `units` in any `per_seconds`.

A request may start when the units of the preceding window suffice. The window is slightly longer than the vendor's,
because requests arrive less evenly than they leave. The budget in the vendor's replies shows what other clients use.
Each process counts for itself.
"""

import math
from typing import Final

from msgspec import Struct

from mappings.http import Budget

MARGIN: Final = 1.02
# Requests that start within this share of a window are counted together, to keep the list short.
GRAIN: Final = 0.01


class _Spent(Struct):
    start: float
    end: float
    units: float


class Pacer:
    """Decides when requests of one connection may start. Times are seconds on a monotonic clock that the caller
    reads."""

    def __init__(self, units: float, per_seconds: float, *, fixed: bool = False) -> None:
        """`fixed`: the operator set the limit, so a higher limit of the vendor does not raise it."""
        self._units = units
        self._window = per_seconds
        self._fixed = fixed
        self._spent: list[_Spent] = []
        self._last: _Spent | None = None
        # The sum of what was spent, and a time before which none of it comes back: most calls need no walk.
        self._used = 0.0
        self._next_end = math.inf

    def wait_for(self, cost: float, now: float) -> float:
        """Return the seconds until a request of this cost may start. A cost above the limit waits for the whole
        limit."""
        return self._wait(min(cost, self._units), now)

    def wait_for_all(self, units: float, now: float) -> float:
        """Return the seconds until the last of several requests may start that cost this many units together."""
        windows = max(0, math.ceil(units / self._units) - 1)
        return self._wait(units - windows * self._units, now) + windows * self._window * MARGIN

    def _wait(self, units: float, now: float) -> float:
        self._forget_ended(now)
        free = self._units - self._used
        if free >= units:
            return 0.0
        wait = 0.0
        for spent in sorted(self._spent, key=lambda spent: spent.end):
            free += spent.units
            wait = spent.end - now
            if free >= units:
                break
        return wait

    def spend(self, cost: float, now: float) -> None:
        """Record that a request starts now."""
        end = now + self._window * MARGIN
        units = min(cost, self._units)
        if self._last is not None and now < self._last.start + self._window * GRAIN:
            self._last.end = end
            self._last.units += units
            self._used += units
            return
        self._last = self._add(now, end, units)

    def learn(self, budget: Budget, now: float) -> None:
        """Apply the vendor's budget. Units that this process did not use were used by other clients just now."""
        restore = budget.restore_per_second
        if restore is not None and restore > 0 and not self._fixed:
            self._units = restore * self._window
        self._forget_ended(now)
        others = self._units - self._used - max(budget.remaining, 0.0)
        if others < 1.0:
            return
        back_in = self._window
        if budget.reset_after is not None:
            back_in = max(budget.reset_after, 0.0)
        elif restore is not None and restore > 0:
            back_in = min(self._window, others / restore)
        self._add(now, now + back_in, others)

    def _add(self, start: float, end: float, units: float) -> _Spent:
        spent = _Spent(start, end, units)
        self._spent.append(spent)
        self._used += units
        self._next_end = min(self._next_end, end)
        return spent

    def _forget_ended(self, now: float) -> None:
        if now < self._next_end:
            return
        self._spent = [spent for spent in self._spent if spent.end > now]
        self._used = sum(spent.units for spent in self._spent)
        self._next_end = min((spent.end for spent in self._spent), default=math.inf)
