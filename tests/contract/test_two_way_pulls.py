"""Two connections that copy to each other without webhooks. Pulls find the changes, which say nothing of where they
come from, so the bases of the copies alone stop the echo."""

from functools import partial
from operator import eq
from typing import Final

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.two_systems import SIDES, Person, TwoSystems, await_pulls, both_ways
from tests.contract.waiting import until

PULLS: Final = "".join(f'\n[connections.{side}.pull]\ncustomers = {{ every = "1s" }}\n' for side in SIDES)
FORGET: Final = "DELETE FROM record_state WHERE object = 'customer' AND connection = $1 AND remote_id = $2"
LATER: Final = "SELECT id FROM event WHERE type LIKE 'customer.%' ORDER BY id OFFSET $1"
SKIPPED: Final = "SELECT 1 FROM audit_event WHERE type = 'fan_out.skipped' AND facts::jsonb ->> 'event' = $1"
EVENTS: Final = "SELECT id, connection, visited, origin FROM event WHERE type LIKE 'customer.%' ORDER BY id"

running_facade, full_key = own_facade(more=both_ways() + PULLS)


def pulled(facade: Facade) -> None:
    for side in SIDES:
        await_pulls(facade, side)


def test_pulled_changes_go_to_the_other_side_and_do_not_come_back(facade: Facade, caller: Caller) -> None:
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    pulled(facade)
    edits: tuple[tuple[str, str, str], ...] = (("shopify", "first_name", "Ines"), ("hubspot", "last_name", "Potter"))
    before = {side: len(systems.writes(side)) for side in SIDES}
    for side, field, value in edits:
        events = len(facade.sql(EVENTS))
        systems.edit(side, person, field, value)
        until(partial(named, systems, person, field), partial(eq, [value] * 2))
        pulled(facade)
        systems.settle()
        reported, copied = facade.sql(EVENTS)[events:]
        other = next(one for one in SIDES if one != side)
        assert (reported["connection"], reported["visited"]) == (side, [side])
        assert (copied["connection"], copied["visited"]) == (other, [side, other])
    # One by the staff and one by the copy.
    assert {side: len(systems.writes(side)) - before[side] for side in SIDES} == dict.fromkeys(SIDES, 2)


def test_a_pull_that_sees_a_copy_first_writes_nothing(facade: Facade, caller: Caller) -> None:
    """As if the copy had not kept the state that it left: the pull makes an Event that has visited nothing else."""
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    pulled(facade)
    systems.settle()
    before = {side: len(systems.writes(side)) for side in SIDES}
    for side in SIDES:
        events = len(facade.sql(EVENTS))
        facade.sql(FORGET, side, person[side])
        # A pull reads again what changed since its overlap.
        until(partial(facade.sql, LATER, events))
        pulled(facade)
        systems.settle()
        (again,) = facade.sql(EVENTS)[events:]
        assert (again["connection"], again["visited"]) == (side, [side])
        assert facade.sql(SKIPPED, again["id"])
    assert {side: len(systems.writes(side)) for side in SIDES} == before


def named(systems: TwoSystems, person: Person, field: str) -> list[str]:
    """A field at both sides."""
    return [systems.state(side)[person[side]][field] for side in SIDES]
