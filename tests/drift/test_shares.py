"""A steady vendor is never reported, and a member that vanishes is found soon."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.drift.shares import EXPECTED, LONGEST_WINDOW, Share, ValueCounts, judge

SAMPLES: Final = 100_000
BATCH: Final = 25
SHARES: Final = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)
EMPTY: Final = Share(path="$.phone")


def findings(random: Random, samples: int, share_at: Callable[[int], float], start: Share = EMPTY) -> Iterator[int]:
    """Yield the number of samples after which a window deviates; then the share as learned is the last one's."""
    share = start
    for done in range(0, samples, BATCH):
        chance = share_at(done)
        filled = sum(random.random() < chance for _ in range(BATCH))
        share, deviates = judge(replace(share, records=share.records + BATCH, filled=share.filled + filled))
        if deviates:
            yield done + BATCH


def learned(random: Random, usual: float, samples: int) -> Share:
    share = EMPTY
    for _ in range(0, samples, BATCH):
        filled = sum(random.random() < usual for _ in range(BATCH))
        share, deviates = judge(replace(share, records=share.records + BATCH, filled=share.filled + filled))
        assert not deviates
    return share


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_vendor_gives_no_finding(seed: int) -> None:
    for usual in SHARES:
        assert list(findings(Random(seed), SAMPLES, lambda _, usual=usual: usual)) == [], usual  # type: ignore[misc]


@pytest.mark.parametrize(("first", "last"), [(0.9, 0.1), (0.1, 0.9), (1.0, 0.5)])
def test_a_share_that_changes_slowly_gives_no_finding(first: float, last: float) -> None:
    for seed in range(3):
        assert list(findings(Random(seed), SAMPLES, lambda done: first + (last - first) * done / SAMPLES)) == []


@pytest.mark.parametrize("usual", [0.2, 0.3, 0.5, 0.8, 0.95, 0.99, 1.0])
def test_a_member_that_vanishes_is_found_within_450_samples(usual: float) -> None:
    """Whenever it vanishes, early or late, in a window. This leaves room for what processes have not stored yet."""
    for seed in range(40):
        random = Random(seed)
        start = learned(random, usual, random.randrange(200, 5000, BATCH))
        assert next(findings(random, 450, lambda _: 0.0, start), None) is not None, seed


def test_a_member_that_is_found_once_deviates_in_each_window_until_it_is_back() -> None:
    start = learned(Random(1), 0.9, 2000)
    assert len(list(findings(Random(1), 2000, lambda _: 0.02, start))) == 10
    assert list(findings(Random(1), 2000, lambda _: 0.9, start)) == []


def test_a_rare_member_is_found_after_the_values_that_it_should_have_had() -> None:
    start = learned(Random(1), 0.01, 60_000)
    found_after = next(findings(Random(1), 3 * LONGEST_WINDOW, lambda _: 0.0, start))
    assert found_after > EXPECTED / 0.02


def test_a_member_that_was_always_empty_is_learned_once_it_has_values() -> None:
    start = learned(Random(1), 0.0, 2000)
    filled = start
    for _ in range(40):
        filled, deviates = judge(replace(filled, records=filled.records + BATCH, filled=filled.filled + BATCH))
        assert not deviates
    assert next(findings(Random(1), 500, lambda _: 0.0, filled), None) is not None


def test_a_few_records_are_never_judged() -> None:
    start = learned(Random(1), 1.0, 2000)
    assert judge(replace(start, records=199, filled=0)) == (replace(start, records=199, filled=0), False)


@given(
    st.floats(0, 1e6), st.floats(0, 1), st.integers(0, LONGEST_WINDOW), st.integers(0, LONGEST_WINDOW), st.booleans()
)
def test_a_window_with_the_learned_share_or_more_never_deviates(
    records: float, usual: float, window: int, more: int, is_whole: bool
) -> None:
    filled = window if is_whole else min(window, int(window * usual) + 1 + more)
    share = Share(path="$", learned_records=records, learned_filled=records * usual, records=window, filled=filled)
    after, deviates = judge(share)
    assert not deviates
    assert 0 <= after.learned <= 1 + 1e-9


def test_counts_are_by_path() -> None:
    counts = ValueCounts()
    counts.add({"$.phone": True, "$.fax": False})
    counts.add({"$.phone": False})
    assert (counts.samples, counts.records, counts.filled) == (2, {"$.phone": 2, "$.fax": 1}, {"$.phone": 1})
