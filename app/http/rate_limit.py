"""A budget: a token bucket per caller in this process, reported in the `RateLimit` headers (IETF draft)."""

import math
import time
from typing import Final

from msgspec import Struct

MOST_CALLERS: Final = 10_000


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
