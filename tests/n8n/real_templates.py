"""Every template under every fault, in one running n8n: what the vendors hold afterwards, and what a person reads.

A fault is ordered, each template is set off once, the fault ends, and each effect has to be there exactly once.
Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import Any, Final

import httpx
import pytest
from template_cases import CASES, REPORTED, eventually, failing_workflow, tickets
from template_stage import CLAIM_SECONDS, Stage, all_templates

WITHIN_S: Final = 300  # without a new effect; on a busy machine n8n works off the executions of earlier faults first
SETTLED_S: Final = 10.0  # a turn of the schedules: time for an effect that should not come a second time
TARGETS: Final = ("hubspot", "zendesk")
DOWN: Final = {"kind": "status", "status": 503}
THROTTLED: Final = {"kind": "status", "status": 429, "retry_after": 2}
LOST: Final = {"kind": "timeout_after_commit", "delay_ms": 0}


@contextmanager
def vendors(stage: Stage, fault: dict[str, Any], *, seconds: float = 0, **plan: Any) -> Iterator[None]:
    """The targets have this fault; with `seconds` it lasts so long after the templates were set off."""
    with ExitStack() as stack:
        for vendor in TARGETS:
            stack.enter_context(stage.dev.failing(vendor, fault, **plan))
        yield
        if seconds:
            time.sleep(seconds)
        else:
            stack.pop_all()  # it ends by its number of times


@contextmanager
def door(stage: Stage, **how: int) -> Iterator[None]:
    """n8n gets every event `copies` times at once, or Lockstitch loses the next `losing` answers."""
    for name, value in how.items():
        setattr(stage.door, name, value)
    try:
        yield
        time.sleep(SETTLED_S)
    finally:
        stage.door.copies, stage.door.losing = 1, 0


@contextmanager
def restarted(stage: Stage) -> Iterator[None]:
    """n8n is killed while its writes wait for the vendors, and starts again: between a write and its retry."""
    with ExitStack() as stack:
        for vendor in TARGETS:
            stack.enter_context(stage.dev.failing(vendor, {"kind": "slow", "delay_ms": 4000}))
        yield
        eventually(lambda: any(stage.n8n.running(id) for id in stage.ids.values()))
        stage.n8n.kill()
        stage.stop()
    stage.start()


FAULTS: Final[dict[str, Callable[[Stage], Any]]] = {
    "none": lambda stage: door(stage, copies=1),
    "429": lambda stage: vendors(stage, THROTTLED, seconds=4),
    "lost-reply": lambda stage: vendors(stage, LOST, seconds=8, method="POST"),
    "down": lambda stage: vendors(stage, DOWN, seconds=8),
    "duplicates": lambda stage: door(stage, copies=2),
    "lost-answer": lambda stage: door(stage, losing=3),
    "restart": restarted,
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with all_templates() as stage:
        yield stage


@pytest.fixture(scope="module", params=FAULTS)
def played(request: pytest.FixtureRequest, stage: Stage) -> dict[str, list[int]]:
    """The number of each effect of each template after this fault."""
    fault: str = request.param
    tags = {name: f"{fault}-{number}" for number, name in enumerate(CASES)}
    with FAULTS[fault](stage):
        for name, case in CASES.items():
            case.cause(stage, tags[name])

    def counts() -> dict[str, list[int]]:
        return {name: [len(effect) for effect in case.effects(stage, tags[name])] for name, case in CASES.items()}

    present, give_up = counts(), time.monotonic() + WITHIN_S
    while missing := [name for name, effects in present.items() if not all(effects)]:
        if time.monotonic() > give_up:
            break
        time.sleep(SETTLED_S if fault == "restart" else 1)
        for name in missing:
            if fault == "restart" and CASES[name].recurs and not all(counts()[name]):
                CASES[name].cause(stage, tags[name])
        before, present = present, counts()
        if present != before:
            give_up = time.monotonic() + WITHIN_S
    time.sleep(SETTLED_S)
    return counts()


def last_ends(stage: Stage, name: str) -> str:
    """How the last executions of a template ended, for the message of a failed test."""
    ends = (
        f"{one.status}: {one.error or one.last_items()}"[:500] for one in stage.n8n.executions(stage.ids[name])[-4:]
    )
    return "\n".join(ends)


@pytest.mark.parametrize("name", CASES)
def test_each_effect_is_there_once(stage: Stage, played: dict[str, list[int]], name: str) -> None:
    assert set(played[name]) == {1}, f"{played[name]}\n" + last_ends(stage, name)


def test_an_error_that_n8n_lost_has_a_ticket_when_it_comes_again(stage: Stage) -> None:
    """n8n is killed between its claim and the ticket: that claim ends soon. One that led to a ticket is kept."""
    stage.lockstitch.shut = "/v1/tickets"
    failing_workflow(stage, "crash")
    eventually(lambda: stage.lockstitch.waiting)
    stage.n8n.kill()
    stage.stop()
    stage.lockstitch.shut = None
    stage.start()

    def reported() -> list[Any]:
        failing_workflow(stage, "crash")
        time.sleep(SETTLED_S)
        return tickets(stage, "Refused crash", *REPORTED)

    eventually(reported)
    time.sleep(CLAIM_SECONDS)
    assert len(reported()) == 1, last_ends(stage, "error--open-ticket")


def test_an_alarm_that_n8n_lost_is_posted_when_it_comes_again(stage: Stage) -> None:
    """n8n ended between its claim and the post, and is back before that claim has ended."""
    body = {"text": "Alarm lost", "alarm": "lost", "state": "raised", "installation": "t", "since": ""}
    digest = sha256(b'["t","lost","raised",""]').hexdigest()[:32]
    name = f"{stage.ids['webhook--alarm-to-chat']}-chat-{digest}"
    headers = {"Authorization": f"Bearer {stage.dev.key}"}
    claimed = httpx.post(f"{stage.dev.api}/v1/claims", json={"name": name, "ttl": 15}, headers=headers)
    assert claimed.status_code == 201, claimed.text

    url = f"{stage.n8n.url}/webhook/lockstitch-alarm"
    eventually(lambda: httpx.post(url, json=body, timeout=60).status_code == 200)
    assert httpx.post(url, json=body, timeout=60).status_code == 200
    assert stage.chat.texts.count("Alarm lost") == 1


def test_a_workflow_waits_for_an_outcome_by_the_sub_workflow(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {stage.dev.key}", "Idempotency-Key": "waited-for", "Prefer": "respond-async"}
    body = {"emails": [{"address": "waited-for@example.com"}]}
    with stage.dev.failing("hubspot", DOWN), ThreadPoolExecutor() as pool:
        queued = httpx.post(f"{stage.dev.api}/v1/customers?connection=hubspot", json=body, headers=headers, timeout=30)
        waiting = pool.submit(httpx.post, f"{stage.n8n.url}/webhook/wait-for-it", json=queued.json(), timeout=120)
        eventually(lambda: stage.n8n.running(stage.ids["sub--wait-for-operation"]))
        stage.dev.heal("hubspot")
        outcome = waiting.result().json()

    assert (outcome["ok"], outcome["state"]) == (True, "succeeded"), outcome
    assert outcome["result"]["emails"][0]["address"] == "waited-for@example.com"


def test_the_templates_are_imported_without_a_warning(stage: Stage) -> None:
    assert f"Successfully imported {len(stage.ids)} workflows" in stage.imported
    assert "warn" not in stage.imported.lower()
