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

    def wait_for(self, cost: float, now: float) -> float:
        """Return the seconds until a request of this cost may start. A cost above the limit waits for the whole
        limit."""
        return self._wait(min(cost, self._units), now)

    def wait_for_all(self, units: float, now: float) -> float:
        """Return the seconds until the last of several requests may start that cost this many units together."""
        windows = max(0, math.ceil(units / self._units) - 1)
        return self._wait(units - windows * self._units, now) + windows * self._window * MARGIN

    def _wait(self, units: float, now: float) -> float:
        self._spent = [spent for spent in self._spent if spent.end > now]
        free = self._units - sum(spent.units for spent in self._spent)
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
            return
        self._last = _Spent(now, end, units)
        self._spent.append(self._last)

    def learn(self, budget: Budget, now: float) -> None:
        """Apply the vendor's budget. Units that this process did not use were used by other clients just now."""
        restore = budget.restore_per_second
        if restore is not None and restore > 0 and not self._fixed:
            self._units = restore * self._window
        ours = sum(spent.units for spent in self._spent if spent.end > now)
        others = self._units - ours - max(budget.remaining, 0.0)
        if others < 1.0:
            return
        back_in = self._window
        if budget.reset_after is not None:
            back_in = max(budget.reset_after, 0.0)
        elif restore is not None and restore > 0:
            back_in = min(self._window, others / restore)
        self._spent.append(_Spent(now, now + back_in, others))
