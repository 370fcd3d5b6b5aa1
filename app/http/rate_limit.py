"""A budget: a token bucket per caller in this process, reported in the `RateLimit` headers (IETF draft)."""

import asyncio
import math
import time
from typing import Final

from msgspec import Struct, field

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement

MOST_CALLERS: Final = 10_000
BLOCK: Final = 1 / 16
AHEAD_SECONDS: Final = 1.0
FAST_SECONDS: Final = 0.25

# $2: the calls wanted; $3: per second; $4: the burst.
TAKE = Statement(
    "UPDATE caller_budget",
    """
    INSERT INTO caller_budget AS budget (principal, taken, calls)
    VALUES ($1, least($2::float8, $4::float8), $4 - least($2, $4))
        ON CONFLICT (principal) DO UPDATE
       SET (taken, calls, at) = (
           SELECT taken, refilled - taken, clock_timestamp()
             FROM (SELECT refilled, least($2, floor(refilled)) AS taken
                     FROM (SELECT least($4, budget.calls + $3::float8 * greatest(0, extract(
                                  epoch FROM clock_timestamp() - budget.at)::float8)) AS refilled) AS filled) AS lease)
    RETURNING taken, calls
    """,
)


class BudgetDecision(Struct, frozen=True, kw_only=True):
    """Whether the call is within budget. `headers` are for the answer; `retry_after` is in seconds."""

    allowed: bool
    retry_after: float
    headers: tuple[tuple[str, str], ...]


class Budgets:
    """`per_minute` calls refill a bucket of `burst`; 0 switches the budget off.

    The headers follow draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "default";q=600;w=60` and
    `RateLimit: "default";r=<calls left>;t=<seconds until full>`.
    """

    def __init__(self, per_minute: int, burst: int) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._policy = f'"default";q={per_minute};w=60'
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, principal: str) -> BudgetDecision | None:
        """Take one call from the principal's bucket; None when budgets are off."""
        if not self._rate:
            return None
        now = time.monotonic()
        left, since = self._left.get(principal, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        left -= allowed
        if len(self._left) >= MOST_CALLERS:
            self._left.clear()  # every caller starts again with a full bucket, and memory stays bounded
        self._left[principal] = (left, now)
        return self.decide(allowed, left)

    def decide(self, allowed: bool, left: float) -> BudgetDecision:
        """Return the decision on a call with what is left after it."""
        until_full = math.ceil((self._burst - left) / self._rate)
        headers = (
            ("RateLimit-Policy", self._policy),
            ("RateLimit", f'"default";r={math.floor(left)};t={until_full}'),
        )
        return BudgetDecision(allowed=allowed, retry_after=0.0 if allowed else (1 - left) / self._rate, headers=headers)


class _Ahead(Struct):
    """What a process has taken for one key: `calls` left, and what was `shared` at the time `at`."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    calls: float = 0.0
    shared: float = 0.0
    at: float = float("-inf")
    waiting: int = 0


class SharedBudgets:
    """The caller's budget over all processes: a bucket per API key in PostgreSQL, from which a process takes calls
    ahead. `per_minute` calls refill a bucket of `burst` for each key; 0 switches the budget off.

    A key that calls rarely takes one at a time, so its budget is exact. One that calls fast takes a sixteenth of the
    burst; what a process has not used after a second is lost, and refills with the bucket.
    """

    def __init__(self, database: Database, per_minute: int, burst: int) -> None:
        self._database = database
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._alone = Budgets(per_minute, burst)
        self._ahead: dict[str, _Ahead] = {}

    async def spend(self, principal: str, *, alone: bool = False) -> BudgetDecision | None:
        """Take one call from the principal's bucket; None when budgets are off. `alone`, and while the database does
        not answer, count it in this process only."""
        if not self._rate:
            return None
        if alone:
            return self._alone.spend(principal)
        if len(self._ahead) >= MOST_CALLERS:
            self._ahead.clear()
        ahead = self._ahead.setdefault(principal, _Ahead())
        ahead.waiting += 1
        try:
            async with ahead.lock:
                now = time.monotonic()
                if now - ahead.at > AHEAD_SECONDS:
                    ahead.calls = 0.0
                if ahead.calls < 1 and ahead.shared + (now - ahead.at) * self._rate >= 1:
                    await self._take(principal, ahead, now)
        except StoreUnavailable:
            return self._alone.spend(principal)
        finally:
            ahead.waiting -= 1
        allowed = ahead.calls >= 1
        ahead.calls -= allowed
        left = min(self._burst, ahead.calls + ahead.shared + (time.monotonic() - ahead.at) * self._rate)
        return self._alone.decide(allowed, left)

    async def _take(self, principal: str, ahead: _Ahead, now: float) -> None:
        fast = now - ahead.at < FAST_SECONDS
        want = max(1.0, float(ahead.waiting), self._burst * BLOCK if fast else 0.0)
        row = await self._database.fetch_row(TAKE, principal, float(int(want)), self._rate, self._burst)
        assert row is not None  # noqa: S101 - always one row
        ahead.calls, ahead.shared, ahead.at = row["taken"], row["calls"], time.monotonic()
