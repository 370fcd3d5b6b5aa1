"""Two systems that copy to each other, edited on both sides, while webhooks come late, twice and in another order, and
workers are killed with -9: in the end both are equal, and no write was without a difference."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.two_systems import OWNERS, SIDES, Person, TwoSystems, both_ways, idle_writes

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "duplicate_webhook", "times_sent": 3},
    {"kind": "reorder_webhooks"},
    {"kind": "late_webhook", "delay_ms": 700},
)
ROUND: Final = 10
"""Edits between two kills or waits."""
FIELDS: Final = ("first_name", "last_name", "phone")
Values = defaultdict[tuple[Person, str], list[str]]
"""What the owner of each field has set."""


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    more = both_ways("most_writes_per_minute = 10000")
    with Facade(tmp_path, database_url, more=more, LOCKSTITCH_JOB_LEASE="2").running() as facade, ExitStack() as stack:
        for side in SIDES:
            stack.enter_context(sending_webhooks(facade, side))
        yield facade


@pytest.mark.parametrize(
    ("edits", "people", "quiet_seconds"), [(60, 5, 0), pytest.param(1000, 40, 60, marks=pytest.mark.long)]
)
def test_edits_on_both_sides_end_equal_while_workers_die(
    facade: Facade, edits: int, people: int, quiet_seconds: int
) -> None:
    chance = random.Random(edits)
    systems = TwoSystems(facade)
    with facade.calling() as caller:
        everyone = systems.people(caller, people)
    before = {side: systems.state(side) for side in SIDES}
    assert before["hubspot"].keys() >= {one.hubspot for one in everyone}
    written = {side: len(systems.writes(side)) for side in SIDES}
    values = Values(list)

    for first in range(0, edits, ROUND):
        for _ in range(ROUND):
            edit(systems, chance, everyone, values)
        match chance.randrange(3):
            case 0:
                facade.worker.kill()
                edit(systems, chance, everyone, values)
                facade.worker.start()
            case 1:
                facade.vendors.mend()
                release(systems, everyone[0], values, str(first))
                systems.settle(timeout=120.0)
    facade.vendors.mend()
    release(systems, everyone[0], values, "end")
    systems.settle(timeout=600.0)

    writes = {side: systems.writes(side)[written[side] :] for side in SIDES}
    after = {side: systems.state(side) for side in SIDES}
    for one in everyone:
        assert after["hubspot"][one.hubspot] == after["shopify"][one.shopify], one
        for field in FIELDS:
            made = before["hubspot"][one.hubspot][field]
            assert after["hubspot"][one.hubspot][field] not in outdated([made, *values[one, field]]), one
    assert {side: idle_writes(before[side], writes[side]) for side in SIDES} == {side: [] for side in SIDES}
    assert facade.sql("SELECT * FROM dead_letter") == []
    time.sleep(quiet_seconds)
    assert {side: len(systems.writes(side)) - written[side] for side in SIDES} == {
        side: len(writes[side]) for side in SIDES
    }


def outdated(owners: list[str]) -> list[str]:
    """The values that the owner of a field has replaced. The staff of the other side may have set any other one."""
    return owners[:-1]


def edit(systems: TwoSystems, chance: random.Random, everyone: list[Person], values: Values) -> None:
    """Change a field of somebody on a random side. Something may be wrong with the webhooks about it."""
    person, side, field = chance.choice(everyone), chance.choice(SIDES), chance.choice(FIELDS)
    if chance.random() < 0.5:
        systems.facade.vendors.break_(side, **chance.choice(FAULTS))
    value = systems.phone() if field == "phone" else f"Ada {chance.getrandbits(40):x}"
    make(systems, person, side, field, value, values)


def make(systems: TwoSystems, person: Person, side: Vendor, field: str, value: str, values: Values) -> None:
    """Set a field, and note a value of its owner."""
    systems.edit(side, getattr(person, side), field, value)
    if side == OWNERS.get(field, "hubspot"):
        values[person, field].append(value)


def release(systems: TwoSystems, person: Person, values: Values, mark: str) -> None:
    """Change somebody on both sides, so that webhooks that wait for a later one are sent."""
    for side in SIDES:
        make(systems, person, side, "last_name", f"Ada {side} {mark}", values)
