"""Two connections that copy to each other: each change reaches the other side once, however it is found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.quiet import sending_webhooks
from tests.contract.two_systems import SIDES, TwoSystems, both_ways
from tests.contract.waiting import until


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    folder: Path = tmp_path_factory.mktemp("two")
    with Facade(folder, module_database_url, more=both_ways("most_writes_per_minute = 4")).running() as facade:
        yield facade


full_key = own_key()


def test_a_change_that_a_copy_finds_at_its_target_goes_to_the_source(facade: Facade, caller: Caller) -> None:
    """Shopify's webhook is lost, so the copy of another field is the first to see the change."""
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    systems.edit("shopify", person, "first_name", "Ines")
    before = {side: len(systems.writes(side)) for side in SIDES}
    with sending_webhooks(facade, "hubspot"):
        systems.edit("hubspot", person, "last_name", "Potter")
        systems.settle()

    there = [systems.state(side)[person[side]] for side in SIDES]
    assert [(one["first_name"], one["last_name"]) for one in there] == [("Ines", "Potter")] * 2
    # One more at HubSpot is that of the staff.
    assert [len(systems.writes(side)) - before[side] for side in SIDES] == [2, 1]


PAUSE: Final = "INSERT INTO consumer (name, paused_at) VALUES ($1, now())"
WAITING: Final = "SELECT count(*) AS number FROM job WHERE kind = 'fan_out' AND deferred > 0"
RESUME: Final = "UPDATE consumer SET paused_at = NULL"
BEGUN: Final = "SELECT 1 FROM operation WHERE connection = $1 AND remote_id = $2 AND principal LIKE 'consumer:%'"


def test_copies_that_cross_do_not_exchange_the_values(facade: Facade, caller: Caller) -> None:
    """Both sides have changed. HubSpot owns the number, so the copy to Shopify may replace it."""
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    for side in SIDES:
        facade.sql(PAUSE, f"customers:{side}")
    with sending_webhooks(facade, "shopify"), sending_webhooks(facade, "hubspot"):
        systems.edit("shopify", person, "phone", systems.phone())
        systems.edit("hubspot", person, "last_name", "Potter")
        until(lambda: facade.sql(WAITING)[0]["number"] == 2)
        facade.vendors.hold("hubspot", method="PATCH")
        facade.sql(RESUME)
        facade.sql("UPDATE job SET run_at = now()")
        until(lambda: facade.sql(BEGUN, "shopify", person["shopify"]))
        facade.vendors.mend()
        systems.settle()

    there, copied = (systems.state(side)[person[side]] for side in SIDES)
    assert there == copied
    assert there["last_name"] == "Potter"


COPIED: Final = """
    SELECT count(*) AS number
      FROM operation
     WHERE connection = $1 AND remote_id = $2 AND principal LIKE 'consumer:%' AND sent_at IS NOT NULL
       AND phase = 'settled' AND effect = 'update'
"""
PAUSED: Final = "SELECT name, paused_for FROM consumer WHERE paused_at IS NOT NULL"


def test_two_vendors_that_change_what_is_copied_do_not_go_on_for_ever(facade: Facade, caller: Caller) -> None:
    """Each side has an automation that changes the name after each write of ours."""
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    ours = dict.fromkeys(SIDES, 0)
    with sending_webhooks(facade, "hubspot"), sending_webhooks(facade, "shopify"):
        systems.edit("shopify", person, "first_name", "Ines")

        def react() -> list[dict[str, Any]]:
            for side in SIDES:
                written = facade.sql(COPIED, side, person[side])[0]["number"]
                if written > ours[side]:
                    ours[side] = written
                    systems.edit(side, person, "first_name", f"{side} {written}")
            return facade.sql(PAUSED)

        (paused,) = until(react)
        assert paused["paused_for"] == "loop"
        alarm = f"The consumer {paused['name']} is stopped: it wrote one record again and again"
        until(lambda: alarm in facade.worker.log)
        assert f"lockstitch consumers resume {paused['name']}" in facade.lockstitch("doctor").stdout
        (view,) = [one for one in caller.get("/ops/consumers").json()["data"] if one["paused_at"] is not None]
        assert (view["name"], view["paused_for"]) == (paused["name"], "loop")
        assert "changes it after each copy" in view["next_step"]
        assert max(facade.sql(COPIED, side, person[side])[0]["number"] for side in SIDES) <= 5

        # The automations are switched off.
        assert facade.lockstitch("consumers", "resume", paused["name"]).returncode == 0
        facade.sql("UPDATE job SET run_at = now() WHERE kind = 'fan_out'")
        systems.settle()
    there, copied = (systems.state(side)[person[side]] for side in SIDES)
    assert there == copied
    assert facade.sql(PAUSED) == []
    (audited,) = facade.sql("SELECT facts FROM audit_event WHERE type = 'consumer.paused'")
    assert f'"record":"customer:{person[paused["name"].partition(":")[2]]}"' in audited["facts"]


def test_a_lost_copy_does_not_replace_what_the_owner_has_set_since(facade: Facade, caller: Caller) -> None:
    """The request to HubSpot is lost. Before it is repeated, HubSpot's staff sets the name, which HubSpot owns."""
    systems = TwoSystems(facade)
    (person,) = systems.people(caller, 1)
    facade.vendors.break_("hubspot", "reset", method="PATCH")
    with sending_webhooks(facade, "hubspot"), sending_webhooks(facade, "shopify"):
        systems.edit("shopify", person, "last_name", "Potter")
        facade.vendors.await_held()
        systems.edit("hubspot", person, "last_name", "Wood")
        systems.settle()
    there = [systems.state(side)[person[side]]["last_name"] for side in SIDES]
    assert there == ["Wood", "Wood"]
    assert facade.sql("SELECT 1 FROM dead_letter") == []
