"""Each key has its own budget: every answer shows it, and an exhausted one refuses calls."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.samples import customer

BURST = 4
LEFT = re.compile(r'"default";r=(\d+);t=(\d+)')


@pytest.fixture(scope="module")
def narrow(running_facade: Facade) -> Iterator[Process]:
    """An API that lets a key make a call a second, four at once."""
    limits = {"LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "60", "LOCKSTITCH_RATE_LIMIT_BURST": str(BURST)}
    with running_facade.another_api(**limits) as process:
        yield process


@pytest.fixture
def limited(facade: Facade, narrow: Process) -> Iterator[Caller]:
    """A caller with a full budget."""
    with facade.calling(url=narrow.url) as caller:
        yield caller


def test_every_answer_shows_the_remaining_budget(limited: Caller) -> None:
    began = time.monotonic()
    for place, path in enumerate(("/v1/me", "/v1/customers?nope=1", "/v1/operations/op_1")):
        answer = limited.get(path)
        assert answer.headers["ratelimit-policy"] == '"default";q=60;w=60'
        left = LEFT.fullmatch(answer.headers["ratelimit"])
        assert left is not None
        spent = BURST - 1 - place
        assert spent <= int(left[1]) <= min(BURST - 1, spent + time.monotonic() - began)
        assert 0 <= int(left[2]) <= BURST


def test_a_used_up_budget(limited: Caller, facade: Facade, narrow: Process) -> None:
    made = 0
    while (answer := limited.write("POST", "/v1/customers", customer("hubspot"))).status_code == 201:
        made += 1
    assert made >= BURST
    assert code_of(answer, 429) == "rate-limited"
    assert (answer.json()["category"], answer.json()["fault"]) == ("throttle", "caller")
    assert LEFT.fullmatch(answer.headers["ratelimit"])
    with facade.calling(url=narrow.url) as other:
        assert other.get("/v1/me").status_code == 200
    time.sleep(int(answer.headers["retry-after"]))
    assert limited.get("/v1/me").status_code == 200


def test_a_refused_call_leaves_its_key_free(limited: Caller) -> None:
    while True:
        key, body = new_key(), customer("hubspot")
        answer = limited.write("POST", "/v1/customers", body, key=key)
        if answer.status_code != 201:
            break
    assert code_of(answer, 429) == "rate-limited"
    time.sleep(int(answer.headers["retry-after"]))
    made = expect(limited.write("POST", "/v1/customers", body, key=key), 201)
    assert "idempotent-replayed" not in made.headers


def test_what_needs_no_key_has_no_budget(facade: Facade, narrow: Process) -> None:
    with Caller(narrow.url, None) as anonymous:
        for _ in range(3 * BURST):
            answer = expect(anonymous.get("/health/live"))
            assert "ratelimit" not in answer.headers


def test_the_budget_precedes_the_scope(facade: Facade, narrow: Process) -> None:
    with facade.calling("orders:read", url=narrow.url) as caller:
        statuses = [403]
        while statuses[-1] == 403:
            statuses.append(caller.get("/v1/customers").status_code)
    assert len(statuses) > BURST
    assert statuses[-1] == 429


def test_without_a_limit_there_is_no_header(caller: Caller) -> None:
    answer = caller.get("/v1/me")
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers
