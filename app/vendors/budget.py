"""The budget of one vendor account, of which this process leases units ahead.

All processes lease from one row (`budget_store`). While requests go out, the next units are leased in the background,
so a request normally waits for no round trip. If PostgreSQL is away, what is leased is used; then this process keeps
within a FALLBACK of the limit, which is safe for as many processes. A command without a database has all of the limit.
"""

import asyncio
import logging
import math
import time
from contextvars import Context
from typing import Final

from msgspec.structs import replace

from app.errors import StoreUnavailable
from app.queue.models import Allowance, BudgetShare
from app.vendors.budget_ring import BLOCK, NOTHING, Leased, Ring, UnitLease
from app.vendors.budget_store import PostgresBudgets
from mappings.http import Budget

FALLBACK: Final = 1 / 8
# Seconds until a database that does not answer is away, and until it is tried again.
PATIENCE: Final = 1.0
LEAST_WAIT: Final = 0.005
# Where more jobs than this may start, the budget is not short.
PLENTY: Final = 64.0
_log = logging.getLogger("lockstitch.outbound")


class AccountBudget:
    """What this process knows and has leased of one bucket. Times are on the clock of time.monotonic."""

    def __init__(
        self,
        account: str,
        bucket: str,
        units: float,
        per_seconds: float,
        *,
        fixed: bool = False,
        store: PostgresBudgets | None = None,
    ) -> None:
        """`fixed`: the operator set the limit, so a higher limit of the vendor does not raise it."""
        self.account = account
        self.bucket = bucket
        self._fixed = fixed
        self._store = store
        self._ring = Ring(units, units, per_seconds)
        self._offset = 0.0  # of the clock of the ring
        self._has_plenty = units / 2 >= PLENTY  # until the first lease shows what is left
        self._alone = Ring(units * FALLBACK, units * FALLBACK, per_seconds)
        self._away_until = -math.inf
        self._leases: dict[BudgetShare, list[UnitLease]] = {share: [] for share in BudgetShare}
        self._granted: dict[BudgetShare, tuple[float, UnitLease]] = {}  # the units of the last lease, and what is left
        self._unused: list[Leased] = []
        self._learned: Budget | None = None
        self._learned_is_lower = False
        self._learned_at = -math.inf
        self._turn = asyncio.Lock()
        self._renewals: dict[BudgetShare | None, asyncio.Task[None]] = {}

    def take(self, cost: float, share: BudgetShare) -> bool:
        """Use leased units for a request that starts now. False if there are too few."""
        now = time.monotonic()
        cost = min(cost, self._ring.units)
        leases = self._leases[share]
        while leases and leases[0].ends <= now:
            self._end(share, leases.pop(0))
        for lease in leases:
            if lease.units >= cost - NOTHING:
                lease.units -= cost
                self._renew_early(share, now)
                return True
        return False

    async def claim(self, cost: float, share: BudgetShare) -> float:
        """Use units for a request that starts now, and return 0; or else the seconds after which some may be free."""
        async with self._turn:
            if self.take(cost, share):
                return 0.0
            lease = await self._lease(share, cost, max(cost, self._wish(share)))
            if self.take(cost, share):
                return 0.0
            return max(LEAST_WAIT, lease.ends - time.monotonic())

    def wait_for_all(self, units: float, share: BudgetShare) -> float:
        """Return the seconds until the last of several requests may start that cost this many units together, as far
        as this process knows."""
        return self._ring.wait(share, units - self._left(share), time.monotonic() + self._offset)

    def allowance(self, share: BudgetShare, queued: float) -> Allowance | None:
        """Return how many jobs may start now besides requests that wait for so many units; None if that is plenty."""
        if self._has_plenty:
            return None
        at = time.monotonic() + self._offset
        free = self._left(share) + self._ring.free(share, at) - queued
        if free >= PLENTY:
            return None
        jobs = max(0, math.floor(free + NOTHING))
        return Allowance(jobs=jobs, opens_in=0.0 if jobs else max(LEAST_WAIT, self.wait_for_all(queued + 1.0, share)))

    def headroom(self) -> float:
        """Return the units that are left now, as far as this process knows."""
        return max(0.0, self._ring.units - self._ring.total(time.monotonic() + self._offset))

    def learn(self, budget: Budget) -> None:
        """Apply the vendor's budget, for all processes: with the next lease, or soon; at once if it is lower."""
        now = time.monotonic()
        if self._store is None:
            self._ring.learn(budget, now, fixed=self._fixed)
            return
        self._learned = budget
        is_lower = self._learned_is_lower = budget.limit_within(self._ring.seconds) < self._ring.units - NOTHING
        if None in self._renewals or (now < self._learned_at + self._ring.seconds * BLOCK and not is_lower):
            return
        copy = replace(self._ring, leased=[replace(one) for one in self._ring.leased])
        if copy.learn(budget, now + self._offset, fixed=self._fixed):
            self._learned_at = now
            self._begin_renewal(None)

    async def close(self) -> None:
        """End what runs in the background."""
        tasks = list(self._renewals.values())
        self._renewals.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _left(self, share: BudgetShare) -> float:
        now = time.monotonic()
        return sum(lease.units for lease in self._leases[share] if lease.ends > now)

    def _end(self, share: BudgetShare, lease: UnitLease) -> None:
        if lease.units > NOTHING and lease.slot and self._store is not None:
            self._unused.append(Leased(share, lease.slot, lease.units))

    def _renew_early(self, share: BudgetShare, now: float) -> None:
        """Lease the next units if half of the last ones are used, or three quarters of their time are over."""
        if share not in self._granted or share in self._renewals:
            return
        if self._store is None or self._ring.units * BLOCK < 1.0:
            return
        leases = self._leases[share]
        lasts = self._ring.seconds * BLOCK
        if sum(one.units for one in leases) <= self._granted[share][0] / 2 or leases[-1].ends - now < lasts / 4:
            self._begin_renewal(share)

    def _begin_renewal(self, share: BudgetShare | None) -> None:
        # Not part of the span of the request that happens to need it.
        coroutine = self._share_learned() if share is None else self._renew(share)
        self._renewals[share] = asyncio.create_task(coroutine, context=Context(), name=f"budget of {self.account}")

    async def _renew(self, share: BudgetShare) -> None:
        try:
            async with self._turn:
                await self._lease(share, 1.0, max(1.0, self._wish(share)))
        finally:
            self._renewals.pop(share, None)

    async def _share_learned(self) -> None:
        """Write what the vendor reported, and what it reports meanwhile if that is lower."""
        try:
            async with self._turn:
                await self._lease(BudgetShare.BACKFILL, 0.0, 0.0)
                while self._learned is not None and self._learned_is_lower and time.monotonic() >= self._away_until:
                    await self._lease(BudgetShare.BACKFILL, 0.0, 0.0)
        finally:
            # Here and not after the task: what is learned between these two would be written by no one.
            self._renewals.pop(None, None)

    def _wish(self, share: BudgetShare) -> float:
        """Return how much to lease next: twice as much as last time if half of that was used, else twice what was
        used. A lease that ended unused shows that less is needed."""
        if share not in self._granted:
            return 0.0
        units, lease = self._granted[share]
        return 2 * (units if lease.units <= units / 2 else units - lease.units)

    async def _lease(self, share: BudgetShare, need: float, wish: float) -> UnitLease:
        """Lease units. The result has none if too few are free; then it ends when some may be."""
        began = time.monotonic()
        if self._store is None:
            lease = self._ring.lease(share, need, need, began, ahead=False)
        elif began < self._away_until:
            lease = self._lease_alone(share, need, began)
        else:
            try:
                async with asyncio.timeout(PATIENCE):
                    lease = await self._lease_shared(self._store, share, need, wish, began)
            except (StoreUnavailable, TimeoutError):
                if began > self._away_until + PATIENCE:
                    _log.warning("the database is unavailable; keeping within a part of the limit of %s", self.account)
                self._away_until = time.monotonic() + PATIENCE
                return await self._lease(share, need, wish)
        if lease.units > NOTHING:
            self._leases[share].append(lease)
            self._granted[share] = (lease.units, lease)
        return lease

    def _lease_alone(self, share: BudgetShare, need: float, now: float) -> UnitLease:
        """Lease a part of what was free when the database was last asked, less what has been leased since."""
        at = now + self._offset
        self._alone.units = FALLBACK * (self._ring.units - self._ring.total(at))
        if self._alone.units <= NOTHING:
            return UnitLease(0.0, now + self._ring.wait(share, need, at))
        lease = self._alone.lease(share, need, need, now, ahead=False)
        lease.slot = 0  # it is not one of the shared ring
        return lease

    async def _lease_shared(
        self, store: PostgresBudgets, share: BudgetShare, need: float, wish: float, began: float
    ) -> UnitLease:
        unused, self._unused = self._unused, []
        learned, self._learned = self._learned, None
        alone = self._alone.total(began)
        self._alone.leased = []

        def edit(ring: Ring, at: float) -> tuple[UnitLease, float]:
            ring.configure(self._ring.published, self._ring.seconds, at)
            if alone:
                ring.charge(alone, at)
            for one in unused:
                ring.give_back(one)
            if learned is not None:
                ring.learn(learned, at, fixed=self._fixed)
            return ring.lease(share, need, wish, at), at

        new = Ring(self._ring.published, self._ring.published, self._ring.seconds)
        self._ring, (lease, at) = await store.change(self.account, self.bucket, new, edit)
        # The clock was read after `began`, so the lease ends here no later than there.
        self._offset = at - began
        self._has_plenty = self._ring.total(at) + PLENTY <= self._ring.units / 2
        lease.ends -= self._offset
        return lease
