"""A dead letter names the property that is wrong, and its next steps are commands that work as they stand there."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from app.queue.models import JobFailure
from tests.commands import exits, lockstitch
from tests.contract.callers import Caller
from tests.contract.dead_jobs import DeadJobs
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS
from tests.contract.test_drift import PATHS
from tests.contract.webhook_driver import WebhookDriver

PATH = "/ops/dead-letters"


@pytest.fixture
def dead(facade: Facade) -> Iterator[DeadJobs]:
    work = DeadJobs(facade)
    yield work
    facade.sql("DELETE FROM job WHERE connection = $1", work.connection)


def steps(letter: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["action"]: step for step in letter["next_steps"]}


def run(facade: Facade, command: str) -> str:
    """Run an advised command as printed."""
    program, *arguments = shlex.split(command)
    assert program == "lockstitch"
    return exits(facade.lockstitch(*arguments)).stdout


@pytest.mark.parametrize("change", ["type", "missing"])
@pytest.mark.parametrize("name", KINDS)
def test_the_property_is_named_and_the_advised_redrive_works(
    facade: Facade, caller: Caller, vendors: Emulators, name: str, change: str
) -> None:
    driver, kind, object_name = WebhookDriver(facade, caller), KINDS[name], name.partition(" ")[2]
    made = caller.create(kind.collection, kind.sample())
    driver.forget(made)
    vendors.break_(kind.connection, "drift", path=PATHS[kind.connection], times=None, change=change)
    receipt = driver.send(kind.connection, object_name, "updated", made["meta"]["remote_id"])
    letter = caller.get(f"{PATH}/{driver.dead_letter_of(receipt)['id']}").json()

    failure = letter["failure"]
    assert failure["property"]
    assert failure["path"].endswith(f".{failure['property']}")
    redrive = steps(letter)["redrive"]
    assert f"`{failure['property']}` (at {failure['path']})" in redrive["advice"]
    assert "at the vendor" in redrive["advice"]
    assert redrive["command"] == f"lockstitch dead-letters redrive {letter['id']}"
    output = facade.lockstitch("dead-letters", "show", letter["id"]).stdout
    for step in letter["next_steps"]:
        assert f"    {step['command']}\n" in output
    narrow = lockstitch("dead-letters", "show", letter["id"], environment=facade.api.environment, columns=80).stdout
    traces = {attempt["trace_id"] for attempt in letter["history"]}
    assert traces
    assert traces <= set(narrow.split())
    vendors.mend()
    assert letter["id"] in run(facade, redrive["command"])
    assert driver.event_of(receipt)["type"] == f"{object_name}.created"


@pytest.mark.parametrize("name", ["hubspot customer", "shopify order", "zendesk ticket"])
def test_a_refused_read_names_the_vendors_answer_and_who_explains_it(
    facade: Facade, caller: Caller, vendors: Emulators, name: str
) -> None:
    """Nothing is wrong with the webhook, so nobody is asked to edit it."""
    driver, kind, object_name = WebhookDriver(facade, caller), KINDS[name], name.partition(" ")[2]
    made = caller.create(kind.collection, kind.sample())
    driver.forget(made)
    vendors.break_(kind.connection, "status", path=PATHS[kind.connection], times=None, status=403)
    receipt = driver.send(kind.connection, object_name, "updated", made["meta"]["remote_id"])
    letter = caller.get(f"{PATH}/{driver.dead_letter_of(receipt)['id']}").json()
    vendors.mend()

    assert "(HTTP 403" in letter["failure"]["reason"]
    assert list(steps(letter)) == ["inspect", "redrive", "discard"]
    assert steps(letter)["inspect"]["command"] == f"lockstitch verify {kind.connection}"
    run(facade, steps(letter)["inspect"]["command"])
    run(facade, steps(letter)["redrive"]["command"])
    assert driver.event_of(receipt)["type"] == f"{object_name}.created"


def test_the_advice_activates_a_newer_revision(facade: Facade, caller: Caller, dead: DeadJobs) -> None:
    dead.connection = "advised"
    route = "/ops/mappings/hubspot.customer/route"
    assert caller.post(route, json={"connection": "advised", "active": 1}).status_code == 200
    failure = JobFailure(
        category="permanent", reason="Expected `str`", path="$.properties.email", mapping="hubspot.customer", revision=1
    )
    (letter_id,) = dead.bury(dead.new(), failure=failure)
    letter = caller.get(f"{PATH}/{letter_id}").json()
    assert letter["failure"]["property"] == "email"
    activate = steps(letter)["activate"]
    assert (activate["method"], activate["path"]) == ("POST", route)
    assert activate["command"] == "lockstitch mapping activate hubspot.customer@r2 --connection advised"
    run(facade, activate["command"])
    after = caller.get(f"{PATH}/{letter_id}").json()
    assert "activate" not in steps(after)
    assert "r2 is active now" in steps(after)["redrive"]["advice"]
    caller.post(f"{PATH}/{letter_id}/discard", json={"because": "a test"})


def test_the_advice_inspects_a_mapping_without_newer_revision(facade: Facade, caller: Caller, dead: DeadJobs) -> None:
    failure = JobFailure(
        category="permanent", reason="Expected `str`", path="$.properties.email", mapping="hubspot.customer", revision=2
    )
    (letter_id,) = dead.bury(dead.new(), failure=failure)
    inspect = steps(caller.get(f"{PATH}/{letter_id}").json())["inspect"]
    assert (inspect["method"], inspect["path"]) == ("GET", "/ops/mappings/hubspot.customer")
    assert "hubspot.customer" in run(facade, inspect["command"])


def test_the_advice_redrives_all_similar_dead_letters(facade: Facade, caller: Caller, dead: DeadJobs) -> None:
    first, _ = dead.bury(dead.new(), dead.new())
    letter = caller.get(f"{PATH}/{first}").json()
    assert letter["failure"]["property"] is None
    everything = steps(letter)["redrive_all"]
    assert (everything["method"], everything["path"]) == ("POST", "/ops/redrives")
    assert everything["command"] == (
        f"lockstitch redrive start --connection {dead.connection} --category transient --rate 20"
    )
    assert "2 dead letters" in run(facade, everything["command"])


def test_the_advice_discards_one(facade: Facade, caller: Caller, dead: DeadJobs) -> None:
    (letter_id,) = dead.bury(dead.new())
    run(facade, steps(caller.get(f"{PATH}/{letter_id}").json())["discard"]["command"])
    assert dead.states() == ["discarded"]
