"""Judge how often a member that a mapping reads has a value. Does no I/O.

A vendor that takes a permission away stops sending a member, and nothing else shows it. So the sampled records of each
member are counted in windows, and each window is compared with the share that was learned from those before it. A
window deviates if both hold:

- Its share is below `REMAINS` of the learned one. This is the margin: what changes slowly moves the learned share too.
- With one true share for both, so few values have a probability below `FALSE_ALARM` (exact hypergeometric tail, one
  side). It needs no estimate of the true share, so it holds for a share learned from few records too.

A steady vendor crosses the second bound at most once in 10^9 windows. 1,000,000 sampled records a day (20 million read
at the default rate) with 100 members each are 500,000 windows a day, 1.8 * 10^8 a year: 0.18 findings a year at most.
This assumes that the records of a window are drawn like those before. Lists and single reads have windows of their own,
because they return other records, and some vendors other members. It does not hold for a burst of other records, which
fills a window with them.

A member that had a value in a fifth of the records or more, and has none any more, is found in the second window at the
latest: the first may hold records from before. Rarer members need `EXPECTED` values, so their windows are longer.
"""

from collections import Counter
from collections.abc import Mapping
from math import exp, lgamma
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

WINDOW: Final = 200
LONGEST_WINDOW: Final = 10_000
EXPECTED: Final = 30
"""The values that a window should hold by the learned share before it is judged."""
REMEMBERED: Final = 10
"""The windows whose records make up the learned share; older ones fade."""
REMAINS: Final = 0.5
FALSE_ALARM: Final = 1e-9


class Share(Struct, frozen=True, kw_only=True):
    """The records with a member's parent, and those with a value in the member: learned, and in the present window."""

    path: str
    learned_records: float = 0.0
    learned_filled: float = 0.0
    records: int = 0
    filled: int = 0

    @property
    def learned(self) -> float:
        """The learned share of records with a value; 0 before anything is learned."""
        return self.learned_filled / self.learned_records if self.learned_records else 0.0


class ValueCounts:
    """Counts of sampled records that are not stored yet: `samples` in all, and by path those that had the member's
    parent (`records`) and a value in the member (`filled`). They are of lists, or of records that were read singly."""

    def __init__(self, *, listed: bool = False) -> None:
        self.listed = listed
        self.samples = 0
        self.records: Counter[str] = Counter()
        self.filled: Counter[str] = Counter()

    def add(self, has_value: Mapping[str, bool]) -> None:
        """Count one record."""
        self.samples += 1
        self.records.update(has_value.keys())
        self.filled.update(path for path, filled in has_value.items() if filled)


def judge(share: Share) -> tuple[Share, bool]:
    """Return the share after its window, and whether the window deviates. A window that is not complete stays.

    The first window is learned. A window that deviates is not, so the next one deviates too.
    """
    if not _is_complete(share):
        return share, False
    after = replace(share, records=0, filled=0)
    if _deviates(share):
        return after, True
    kept = min(1.0, (REMEMBERED - 1) * share.records / max(share.learned_records, 1.0))
    learned_records = share.learned_records * kept + share.records
    return replace(
        after, learned_records=learned_records, learned_filled=share.learned_filled * kept + share.filled
    ), False


def _is_complete(share: Share) -> bool:
    if share.records < WINDOW:
        return False
    is_expected = max(share.records * share.learned, share.filled) >= EXPECTED
    return is_expected or share.learned_records == 0 or share.records >= LONGEST_WINDOW


def _deviates(share: Share) -> bool:
    return share.filled < share.records * share.learned * REMAINS and _tail(share) < FALSE_ALARM


def _tail(share: Share) -> float:
    """Return the probability of no more values in the window, given those in both."""
    filled = int(share.learned_filled) + share.filled
    others = int(share.learned_records) + share.records - filled
    fewest = max(0, share.records - others)
    ways = _log_choices(filled + others, share.records)
    return sum(
        exp(_log_choices(filled, number) + _log_choices(others, share.records - number) - ways)
        for number in range(fewest, share.filled + 1)
    )


def _log_choices(among: int, number: int) -> float:
    return lgamma(among + 1) - lgamma(number + 1) - lgamma(among - number + 1)
