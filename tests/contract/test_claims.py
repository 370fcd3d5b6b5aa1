"""Claims: of many runs that want one name, one gets it, until it ends."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.waiting import TIMEOUT

PATH = "/v1/claims"
CALLERS = 200
EXPIRE = "UPDATE claim SET expires_at = now() - interval '1 millisecond' WHERE name = $1"

ELEVEN_MINUTES_LATER = "UPDATE claim SET expires_at = expires_at - interval '11 minutes' WHERE name = $1"


def claim(
    caller: Caller, name: str, *, ttl: int = 3600, run: str | None = None, key: str | None = None
) -> httpx.Response:
    headers = {"x-correlation-id": run or f"run-{uuid4().hex}"} | ({} if key is None else {"idempotency-key": key})
    return caller.post(PATH, json={"name": name, "ttl": ttl}, headers=headers)


@pytest.fixture
def name() -> str:
    """A name that no other test claims."""
    return f"order-{uuid4().hex}"


def test_one_of_two_hundred_callers_at_two_processes_gets_it(facade: Facade, caller: Caller, name: str) -> None:
    async def all_at_once(urls: list[str]) -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {caller.secret}"}
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=TIMEOUT, headers=headers) as client:
            calls = (
                client.post(
                    f"{urls[number % len(urls)]}{PATH}",
                    json={"name": name, "ttl": 3600},
                    headers={"x-correlation-id": f"{name}-{number}"},
                )
                for number in range(CALLERS)
            )
            return await asyncio.gather(*calls)

    with facade.another_api() as other:
        answers = asyncio.run(all_at_once([facade.api.url, other.url]))
        (winner,) = [one for one in answers if one.status_code == 201]
        run = winner.json()["correlation_id"]
        losers = [one for one in answers if one is not winner]
        assert {code_of(one, 409) for one in losers} == {"claimed"}
        assert all(run in one.json()["detail"] and not one.json()["retryable"] for one in losers)
        # A claim outlives the process that gave it, also when that is killed.
        expect(claim(Caller(other.url, caller.secret), f"{name}-2"), 201)
        other.kill()
    assert code_of(claim(caller, f"{name}-2"), 409) == "claimed"
    facade.sql(EXPIRE, f"{name}-2")
    assert claim(caller, f"{name}-2").status_code == 201


def test_runs_that_want_a_claimed_name_do_not_queue_for_it(facade: Facade, caller: Caller, name: str) -> None:
    assert claim(caller, name).status_code == 201
    facade.sql("BEGIN")
    try:
        facade.sql("SELECT FROM claim WHERE name = $1 FOR UPDATE", name)
        assert code_of(claim(caller, name), 409) == "claimed"
    finally:
        facade.sql("ROLLBACK")


def test_a_released_claim_is_free_and_an_old_one_releases_nothing(facade: Facade, caller: Caller, name: str) -> None:
    first = claim(caller, name).json()
    assert caller.delete(f"{PATH}/{first['id']}").status_code == 204
    second = expect(claim(caller, name), 201).json()
    assert second["id"] != first["id"]
    for stranger in ("clm_0", first["id"]):
        assert caller.delete(f"{PATH}/{stranger}").status_code == 204
    with facade.calling("customers:write") as other:
        assert other.delete(f"{PATH}/{second['id']}").status_code == 204
        assert code_of(claim(other, name), 409) == "claimed"


def test_the_same_key_renews_its_claim_for_longer_or_shorter(facade: Facade, caller: Caller, name: str) -> None:
    first, longer, shorter = (claim(caller, name, ttl=ttl, key="execution-1") for ttl in (60, 86_400, 30))
    assert [one.status_code for one in (first, longer, shorter)] == [201, 200, 200]
    ends = [datetime.fromisoformat(one.json().pop("expires_at")) for one in (first, longer, shorter)]
    assert ends[1] - ends[0] > timedelta(hours=23)
    assert ends[2] < ends[0]
    for renewed in (longer, shorter):
        assert renewed.json() | {"expires_at": ""} == first.json() | {"expires_at": ""}
    for key in ("execution-2", None):
        assert code_of(claim(caller, name, key=key), 409) == "claimed"
    with facade.calling("orders:write") as other:
        assert code_of(claim(other, name, key="execution-1"), 409) == "claimed"
    story = caller.get("/ops/audit", params={"record": first.json()["id"]}).json()["data"]
    assert [(one["type"], one["facts"]) for one in story] == [
        ("claim.renewed", {"seconds": 30}),
        ("claim.renewed", {"seconds": 86_400}),
        ("claim.taken", {"seconds": 60}),
    ]


def test_a_claim_that_was_not_renewed_in_time_is_free(facade: Facade, caller: Caller, name: str) -> None:
    """So a run claims for as long as its work takes, and renews the claim after the work: it may die in between."""
    for one in (name, f"{name}-renewed"):
        assert claim(caller, one, ttl=600, key="execution-1").status_code == 201
    assert claim(caller, f"{name}-renewed", ttl=86_400, key="execution-1").status_code == 200
    for one in (name, f"{name}-renewed"):
        facade.sql(ELEVEN_MINUTES_LATER, one)
    assert code_of(claim(caller, f"{name}-renewed", key="execution-2"), 409) == "claimed"
    assert claim(caller, name, key="execution-2").status_code == 201
    assert code_of(claim(caller, name, key="execution-1"), 409) == "claimed"


def test_of_a_late_renewal_and_other_runs_one_gets_the_name(facade: Facade, caller: Caller, name: str) -> None:
    for round in range(4):
        first = claim(caller, f"{name}-{round}", key="execution-1").json()
        facade.sql(EXPIRE, f"{name}-{round}")
        keys = ("execution-1", "execution-2") * 4
        with ThreadPoolExecutor(len(keys)) as pool:
            calls = [pool.submit(claim, caller, first["name"], key=key) for key in keys]
        answers = [one.result() for one in calls]
        (taken,) = [one.json() for one in answers if one.status_code == 201]
        assert taken["id"] != first["id"]
        renewed = [one.json()["id"] for one in answers if one.status_code == 200]
        assert renewed == [taken["id"]] * 3
        assert [one.status_code for one in answers].count(409) == 4


def test_a_run_shows_its_claim(caller: Caller, name: str) -> None:
    run = f"run-{uuid4().hex}"
    taken = claim(caller, name, run=run).json()
    assert taken["correlation_id"] == run
    story = caller.get("/ops/audit", params={"record": taken["id"]}).json()["data"]
    assert [(one["type"], one["correlation_id"]) for one in story] == [("claim.taken", run)]
    assert name not in str(story)


def test_what_is_no_claim_is_refused(facade: Facade, caller: Caller) -> None:
    assert pointers(claim(caller, "", ttl=3600)) == ["/name"]
    assert pointers(claim(caller, "a", ttl=0)) == ["/ttl"]
    assert code_of(claim(caller, "a", key="two words"), 400) == "idempotency-key-invalid"
    with facade.calling("customers:read") as reading:
        assert code_of(claim(reading, "a"), 403) == "forbidden"
