"""Edits on random sides of two systems that copy to each other, while webhooks come late, twice and in another order,
and workers are killed with -9; and what has to be true in the end."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from emulators.calls import KEPT as CALLS_KEPT
from tests.contract.facade import Facade
from tests.contract.quiet import sending_webhooks
from tests.contract.two_systems import SIDES, Fields, Person, TwoSystems, idle_writes

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "duplicate_webhook", "times_sent": 3},
    {"kind": "reorder_webhooks"},
    {"kind": "late_webhook", "delay_ms": 700},
)
ROUND: Final = 10
"""Edits between two kills or waits."""
FIELDS: Final = ("first_name", "last_name", "phone")


@contextmanager
def webhooks_of_both(facade: Facade) -> Iterator[None]:
    """The emulated vendors send their webhooks."""
    with ExitStack() as stack:
        for side in SIDES:
            stack.enter_context(sending_webhooks(facade, side))
        yield


class Staff:
    """The staff of both sides, who edit customers at random."""

    def __init__(self, systems: TwoSystems, people: int, seed: int) -> None:
        """Create so many people, who are at both sides then."""
        self._systems = systems
        self._facade = systems.facade
        self._chance = random.Random(seed)
        with self._facade.calling() as caller:
            self._people = systems.people(caller, people)
        self._before = {side: systems.state(side) for side in systems.sides}
        self._written = {side: len(systems.writes(side)) for side in systems.sides}
        self._set_by_owners: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.kills = 0

    def edit(self, edits: int) -> None:
        """Make so many edits, and wait until both sides are quiet."""
        for first in range(0, edits, ROUND):
            for _ in range(ROUND):
                self._edit_one()
            match self._chance.randrange(3):
                case 0:
                    self._facade.worker.kill()
                    self.kills += 1
                    self._edit_one()
                    self._facade.worker.start()
                case 1:
                    self._release_webhooks(str(first))
                    self._systems.settle(timeout=120.0)
        self._release_webhooks("end")
        self._systems.settle(timeout=600.0)

    def _edit_one(self) -> None:
        """Change a field of somebody on a random side. Something may be wrong with the webhooks about it."""
        person, field = self._chance.choice(self._people), self._chance.choice(FIELDS)
        side = self._chance.choice(self._systems.sides)
        if side in SIDES and self._chance.random() < 0.5:
            self._facade.vendors.break_(side, **self._chance.choice(FAULTS))
        value = self._systems.phone() if field == "phone" else f"Ada {self._chance.getrandbits(40):x}"
        self._set(side, person, field, value)

    def _set(self, side: str, person: Person, field: str, value: str) -> None:
        self._systems.edit(side, person, field, value)
        if side == (self._systems.shop.name if field == "first_name" else "hubspot"):
            self._set_by_owners[person[side], field].append(value)

    def _release_webhooks(self, mark: str) -> None:
        """Change somebody on both sides, so that webhooks that wait for a later one are sent."""
        self._facade.vendors.mend()
        for side in self._systems.sides:
            self._set(side, self._people[0], "last_name", f"Ada {side} {mark}")

    def check(self, quiet_seconds: int) -> dict[str, int]:
        """Check that both sides are equal, by whose value counts, that no write was without a difference, and that
        none follows within these seconds. Return the number of writes at each side, also those of the staff."""
        systems, sides = self._systems, self._systems.sides
        writes = {side: systems.writes(side)[self._written[side] :] for side in sides}
        assert sum(len(self._facade.vendors.calls(side)) for side in SIDES) < CALLS_KEPT, "some writes are forgotten"
        after = {side: systems.state(side) for side in sides}
        for person in self._people:
            left, right = (after[side][person[side]] for side in sides)
            assert left == right, person
            self._check_owners(person, left)
        assert {side: idle_writes(self._before[side], writes[side]) for side in sides} == {side: [] for side in sides}
        assert self._facade.sql("SELECT * FROM dead_letter") == []
        time.sleep(quiet_seconds)
        assert {side: systems.writes(side)[self._written[side] :] for side in sides} == writes
        assert {side: systems.state(side) for side in sides} == after
        return {side: len(writes[side]) for side in sides}

    def _check_owners(self, person: Person, last: Fields) -> None:
        """Check that no field has a value that its owner has replaced. The staff of the other side may have set any
        other one."""
        for field in FIELDS:
            owner = self._systems.shop.name if field == "first_name" else "hubspot"
            replaced = [self._before[owner][person[owner]][field], *self._set_by_owners[person[owner], field]][:-1]
            assert last[field] not in replaced, (person, field)
