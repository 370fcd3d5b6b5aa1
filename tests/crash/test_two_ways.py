"""Two emulated systems that copy to each other, edited on both sides, while webhooks come late, twice and in another
order, and workers are killed with -9: in the end both are equal, and no write was without a difference."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.facade import Facade
from tests.contract.two_systems import TwoSystems, both_ways
from tests.contract.two_way_edits import Staff, webhooks_of_both


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    more = both_ways("most_writes_per_minute = 10000")
    facade = Facade(tmp_path, database_url, more=more, LOCKSTITCH_JOB_LEASE="2")
    with facade.running(), webhooks_of_both(facade):
        yield facade


@pytest.mark.parametrize(
    ("edits", "people", "quiet_seconds"), [(60, 5, 0), pytest.param(1000, 40, 60, marks=pytest.mark.long)]
)
def test_edits_on_both_sides_end_equal_while_workers_die(
    facade: Facade, edits: int, people: int, quiet_seconds: int
) -> None:
    staff = Staff(TwoSystems(facade), people, seed=edits)
    staff.edit(edits)
    staff.check(quiet_seconds)
