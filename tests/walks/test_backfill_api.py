"""Backfills over HTTP and on the command line, by processes that are killed."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.commands import exits
from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.facade import Facade
from tests.contract.subscribers import SubscriberServer, subscribe
from tests.contract.waiting import until
from tests.fixtures import opened
from tests.walks.stage import connection_table

RECORDS: Final = 30


subscribers = opened(lambda: closing(SubscriberServer()), "module")


@pytest.fixture(scope="module")
def facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, subscribers: SubscriberServer
) -> Iterator[Facade]:
    credentials: dict[str, Any] = dict(EMULATOR_CREDENTIALS)
    facade = Facade(
        tmp_path_factory.mktemp("backfill"),
        module_database_url,
        LOCKSTITCH_JOB_LEASE="2",
        LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{subscribers.port}",
        **credentials,
    )
    facade.add_configuration(connection_table(facade, "salesforce", "customers", every="off", page=2))
    with facade.running():
        for number in range(RECORDS):
            facade.vendors.place("salesforce", "Contact", {"LastName": f"Lovelace {number}"})
        yield facade


@pytest.fixture
def operator(facade: Facade) -> Iterator[Caller]:
    with facade.calling() as caller:
        yield caller


def start(operator: Caller, **request: Any) -> dict[str, Any]:
    """Start a backfill of Salesforce's customers."""
    answer = operator.post("/v1/backfills", json={"connection": "pulled-salesforce", "object": "customer"} | request)
    assert answer.status_code == 202, answer.text
    begun: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/backfills/{begun['id']}"
    return begun


def ended(operator: Caller, backfill: str) -> dict[str, Any]:
    """Wait for the end of a backfill."""
    return until(lambda: operator.get(f"/v1/backfills/{backfill}").json(), lambda one: one["ended_at"] is not None)


def test_killed_workers_lose_nothing_and_repeat_nothing(
    facade: Facade, operator: Caller, subscribers: SubscriberServer
) -> None:
    named, other = subscribers.hook("named"), subscribers.hook("other")
    subscription = subscribe(operator, named, "customer.*")["id"]
    subscribe(operator, other, "customer.*")

    begun = start(operator, deliver=[subscription], rate=20)
    for pages in (2, 6, 10):
        until(lambda: operator.get(f"/v1/backfills/{begun['id']}").json()["pages"], pages.__le__)
        facade.worker.kill()
        facade.worker.start()

    last = ended(operator, begun["id"])
    everything = sorted(one["Id"] for one in facade.vendors.records("salesforce", "Contact"))
    assert (last["state"], last["records"], last["new"]) == ("completed", len(everything), len(everything))
    # A worker that dies after a post delivers it again.
    events = until(
        lambda: {post.event["id"]: post.event for post in named.posts}, lambda by: len(by) >= len(everything)
    )
    assert sorted(event["data"]["meta"]["remote_id"] for event in events.values()) == everything
    assert {event["origin"] for event in events.values()} == {"backfill"}
    assert other.posts == []
    assert operator.get("/v1/feeds/customers").json() == []
    assert operator.get("/v1/events?type=customer.*").json()["data"] == []
    assert operator.get("/v1/events").json()["data"] == []
    first = operator.get("/v1/events?origin=backfill&limit=20").json()
    rest = operator.get(f"/v1/events?origin=backfill&limit=250&after={first['next_cursor']}").json()
    assert [one["id"] for one in (*first["data"], *rest["data"])] == sorted(events)


def test_pause_resume_and_cancel_over_http(operator: Caller) -> None:
    begun = start(operator, rate=0.5)
    path = f"/v1/backfills/{begun['id']}"

    refused = operator.post("/v1/backfills", json={"connection": "pulled-salesforce", "object": "customer"})
    assert code_of(refused, 409) == "state-conflict"
    assert begun["id"] in refused.json()["detail"]
    assert operator.post(f"{path}/pause").json()["state"] == "paused"
    assert code_of(operator.post(f"{path}/pause"), 409) == "state-conflict"
    assert operator.post(f"{path}/resume").json()["state"] == "running"
    assert operator.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert code_of(operator.post(f"{path}/resume"), 409) == "state-conflict"
    assert operator.get("/v1/backfills?limit=1").json()["data"][0]["id"] == begun["id"]


def test_wrong_requests_are_refused(operator: Caller) -> None:
    def refused(**request: Any) -> list[str]:
        body = {"connection": "pulled-salesforce", "object": "customer"} | request
        return pointers(expect(operator.post("/v1/backfills", json=body), 422, "invalid-field"))

    assert refused(connection="nowhere") == ["/connection"]
    assert refused(connection="shopify", object="ticket") == ["/object"]
    assert refused(object="comment") == ["/object"]
    assert refused(rate=0) == ["/rate"]
    assert refused(deliver=[]) == ["/deliver"]
    assert refused(deliver=["sub_none"]) == ["/deliver/0"]
    assert code_of(operator.get("/v1/backfills/bf_none"), 404) == "not-found"


def test_it_needs_the_scope_of_operators(facade: Facade) -> None:
    with facade.calling("customers:read", "ops:read") as reader:
        answer = reader.post("/v1/backfills", json={"connection": "pulled-salesforce", "object": "customer"})
        assert code_of(answer, 403) == "forbidden"
        assert reader.get("/v1/backfills").status_code == 200


def test_the_command_line_does_the_same(facade: Facade, operator: Caller) -> None:
    begun = exits(facade.lockstitch("backfill", "start", "pulled-salesforce", "customer", "--rate", "0.5", "--json"))
    backfill = json.loads(begun.stdout)["id"]
    paused = facade.lockstitch("backfill", "pause", backfill)
    assert paused.stdout.startswith(f"{backfill} is paused after")
    second = facade.lockstitch("backfill", "start", "pulled-salesforce", "customer")
    assert (second.returncode, backfill in second.stderr) == (3, True)
    assert facade.lockstitch("backfill", "resume", backfill).returncode == 0
    assert backfill in facade.lockstitch("backfill", "status").stdout
    cancelled = facade.lockstitch("backfill", "cancel", backfill)
    assert cancelled.stdout.startswith(f"{backfill} is cancelled after")
    followed = facade.lockstitch(
        "backfill", "start", "pulled-salesforce", "customer", "--dry-run", "--follow", "--json"
    )
    assert followed.returncode == 0, followed.stderr
    last = json.loads(followed.stdout)
    assert (last["state"], last["share"], last["dry_run"]) == ("completed", 1.0, True)
    exits(facade.lockstitch("backfill", "start", "pulled-salesforce", "comment"), 2)
