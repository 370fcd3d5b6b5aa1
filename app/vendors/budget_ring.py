"""What has been leased of one rate limit: never more than `units` in any window of `seconds`.

    ring.lease(share, need, wish, at)    units that may be used until `ends`, all times on one clock

A unit counts from its lease until a window after the last moment at which it may be used, so wherever a window begins,
what starts in it was leased while all of it counted. Ends are rounded up to a GRAIN of the window, to keep the ring
short. While less than half of the limit is leased, a lease lasts a window; then a sixteenth, so that less lies idle.

Each share may have all that is free, except the unused floors of the others; within its own floor, except those that go
before it. A caller waits for no window to pass, so the floor of the interactive share is always left free; the others
are once they have asked within two windows.
"""

import math
from typing import Final

from msgspec import Struct, field

from app.queue.models import BudgetShare
from mappings.http import Budget

FLOORS: Final[dict[int, float]] = {
    BudgetShare.INTERACTIVE: 0.2,
    BudgetShare.EVENTS: 0.2,
    BudgetShare.PULL: 0.05,
    BudgetShare.BACKFILL: 0.0,
}
"""The floors, as parts of what other clients leave of the limit, in whole units. A few units have none."""
OTHERS: Final = 4
"""The share of other clients of the account, which no one leases."""
GRAIN: Final = 1 / 64
BLOCK: Final = 1 / 16
# The window is slightly longer than the vendor's, because requests arrive less evenly than they leave.
MARGIN: Final = 1.02
# Floating point.
NOTHING: Final = 1e-6


class Leased(Struct, array_like=True):
    """Units of one share that may be used until the end of a slot. Slots are GRAINs of a window, counted from zero of
    the clock."""

    share: int
    slot: int
    units: float


class UnitLease(Struct):
    """Units of a share that may be used until `ends`. Without any, some may be free at `ends`."""

    units: float
    ends: float
    slot: int = 0


class Ring(Struct):
    """The leases that count. `published` is the limit that the settings or the vendor's documentation name, `units` the
    one that the vendor's replies have set since."""

    published: float
    units: float
    seconds: float
    leased: list[Leased] = []
    asked_at: list[float] = field(default_factory=lambda: [-math.inf] * len(FLOORS))
    """When each share last asked."""

    def configure(self, published: float, seconds: float, at: float) -> None:
        """Apply another configured limit. What was leased counts for a window of the new one."""
        if (published, seconds) == (self.published, self.seconds):
            return
        total = self.total(at)
        self.published = self.units = published
        self.seconds = seconds
        self.leased = [Leased(OTHERS, self._slot(at), total)]

    def total(self, at: float) -> float:
        """Return the units that count now."""
        self._forget(at)
        return sum(one.units for one in self.leased)

    def lease(self, share: int, need: float, wish: float, at: float, *, ahead: bool = True) -> UnitLease:
        """Lease at least `need` units and at most `wish`, which is bounded by a block; none if too few are free.
        Without `ahead`, they are used at once."""
        need = min(need, self.units)
        self.asked_at[share] = at
        total = self.total(at)
        used = self._by_share()
        if need <= 0 or not self._fits(share, need, used, at):
            return UnitLease(0.0, at + self.wait(share, need, at))
        units = max(need, min(wish, self.units * BLOCK, self._left(share, used, at)))
        lasts = GRAIN if not ahead else 1.0 if total + units <= self.units / 2 else BLOCK
        ends = at + lasts * self.seconds
        slot = self._slot(ends)
        self._add(share, slot, units)
        return UnitLease(units, ends, slot)

    def charge(self, units: float, at: float) -> None:
        """Count units that were used without a lease, at the latest now."""
        self._add(OTHERS, self._slot(at), units)

    def give_back(self, unused: Leased) -> None:
        """Take back units of a lease that were not used and will not be."""
        for one in self.leased:
            if (one.share, one.slot) == (unused.share, unused.slot):
                one.units = max(0.0, one.units - unused.units)

    def free(self, share: int, at: float) -> float:
        """Return the units that a share could lease now. Below 0 after the limit was lowered."""
        self._forget(at)
        return self._left(share, self._by_share(), at)

    def wait(self, share: int, units: float, at: float) -> float:
        """Return the seconds until the last of several requests of a share may start that cost this many units
        together, if no one else leases any."""
        windows = max(0, math.ceil((units - NOTHING) / self.units) - 1)
        units -= windows * self.units
        later = windows * self.seconds * MARGIN
        self._forget(at)
        used = self._by_share()
        wait = 0.0
        for one in sorted(self.leased, key=lambda one: one.slot):
            if self._fits(share, units, used, at):
                break
            used[one.share] -= one.units
            wait = self._lapses(one) - at
        return wait + later

    def learn(self, budget: Budget, at: float, *, fixed: bool = False) -> bool:
        """Apply the vendor's budget, and return whether it changed anything. Units that we did not lease were used by
        other clients. `fixed`: the operator set the limit, so a higher one of the vendor does not raise it."""
        restore, before = budget.restore_per_second, self.units
        limit = budget.limit_within(self.seconds)
        if limit < math.inf:
            self.units = min(limit, self.published if fixed else math.inf)
        others = self.units - self.total(at) - max(budget.remaining, 0.0)
        if others < 1.0:
            return self.units != before
        back_in = self.seconds
        if budget.reset_after is not None:
            back_in = min(max(budget.reset_after, 0.0), self.seconds)
        elif restore is not None and restore > 0:
            back_in = min(self.seconds, others / restore)
        self._add(OTHERS, math.ceil((at + back_in - self.seconds * MARGIN) / self._grain) - 1, others)
        return True

    @property
    def _grain(self) -> float:
        return self.seconds * GRAIN

    def _slot(self, time: float) -> int:
        return math.floor(time / self._grain)

    def _lapses(self, one: Leased) -> float:
        return (one.slot + 1) * self._grain + self.seconds * MARGIN

    def _floor(self, share: int, used: list[float], at: float) -> float:
        if share != BudgetShare.INTERACTIVE and self.asked_at[share] < at - 2 * self.seconds:
            return 0.0
        return float(math.floor(FLOORS[share] * max(0.0, self.units - used[OTHERS])))

    def _by_share(self) -> list[float]:
        used = [0.0] * (OTHERS + 1)
        for one in self.leased:
            used[one.share] += one.units
        return used

    def _left(self, share: int, used: list[float], at: float) -> float:
        free = self.units - sum(used)
        unused = [max(0.0, self._floor(other, used, at) - used[other]) for other in FLOORS]
        within = min(unused[share], free - sum(unused[:share]))  # of its own floor
        return max(within, free - sum(unused) + unused[share])

    def _fits(self, share: int, units: float, used: list[float], at: float) -> bool:
        """Return whether so many units are free. A request that is dearer than the floors allow waits for all of what
        they do."""
        allowed = self.units - sum(self._floor(other, used, at) for other in FLOORS if other != share)
        free = self.units - sum(used)
        return free >= units - NOTHING and self._left(share, used, at) >= min(units, allowed) - NOTHING

    def _add(self, share: int, slot: int, units: float) -> None:
        for one in self.leased:
            if (one.share, one.slot) == (share, slot):
                one.units += units
                return
        self.leased.append(Leased(share, slot, units))

    def _forget(self, at: float) -> None:
        """Forget what no longer counts. If the clock was set back, what is left counts as used now."""
        last = self._slot(at + self.seconds)
        self.leased = [one for one in self.leased if self._lapses(one) > at and one.units > NOTHING]
        for one in self.leased:
            one.slot = min(one.slot, last)
