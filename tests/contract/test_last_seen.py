"""Reads that accept the last-seen state: its age, what it shows, and when the vendor is asked after all."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect, parameters
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, word
from tests.contract.waiting import until

CUSTOMER, ORDER = KINDS["hubspot customer"], KINDS["shopify order"]
AGED = "UPDATE record_state SET read_at = read_at - make_interval(secs => $3) WHERE connection = $1 AND remote_id = $2"
PULLED = """
    INSERT INTO watermark (connection, object, started_at, completed_at) VALUES ($1, 'customer', now(), now())
        ON CONFLICT (connection, object) DO UPDATE SET started_at = now(), completed_at = now()
"""


def without_age(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "meta": {key: value for key, value in resource["meta"].items() if key != "as_of"}}


@pytest.mark.parametrize("kind", [CUSTOMER, ORDER, KINDS["zendesk ticket"]], ids=lambda kind: kind.held_as)
def test_a_young_state_is_what_a_read_shows_and_asks_nobody(caller: Caller, vendors: Emulators, kind: Any) -> None:
    made = caller.create(kind.collection, kind.sample())
    live = caller.get(f"{kind.path}/{made['id']}")
    vendors.break_(kind.connection, "status", times=None, status=503)

    answer = expect(caller.get(f"{kind.path}/{made['id']}?max_age=3600"))
    assert without_age(answer.json()) == live.json()
    assert answer.json()["meta"]["as_of"]
    assert 0 <= int(answer.headers["age"]) <= 3600
    assert "etag" not in answer.headers


def test_an_old_state_is_read_again(facade: Facade, caller: Caller) -> None:
    made = caller.create(CUSTOMER.collection, CUSTOMER.sample())
    facade.sql(AGED, "hubspot", made["meta"]["remote_id"], 4000.0)
    answer = expect(caller.get(f"/v1/customers/{made['id']}?max_age=3600"))
    assert "as_of" not in answer.json()["meta"]
    assert answer.headers["etag"]


def test_while_the_vendor_is_down_the_caller_gets_what_was_seen(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = caller.create("/v1/customers?connection=frail-hubspot", CUSTOMER.sample())
    facade.sql(AGED, "frail-hubspot", made["meta"]["remote_id"], 4000.0)
    vendors.break_("hubspot", "status", times=None, status=503)
    path = f"/v1/customers/{made['id']}"

    stale = expect(caller.get(f"{path}?max_age=60&stale_if_error=86400", headers={"prefer": "wait=2"}))
    assert without_age(stale.json())["emails"] == made["emails"]
    assert int(stale.headers["age"]) >= 4000
    too_old = caller.get(f"{path}?stale_if_error=3600", headers={"prefer": "wait=2"})
    assert too_old.status_code in (503, 504)
    vendors.mend()
    until(lambda: caller.get(path), lambda answer: answer.status_code == 200)  # its circuit is closed again


def test_a_completed_pull_confirms_what_it_did_not_change(facade: Facade, caller: Caller) -> None:
    made = caller.create("/v1/customers?connection=other-hubspot", CUSTOMER.sample())
    facade.sql(AGED, "other-hubspot", made["meta"]["remote_id"], 4000.0)
    facade.sql(PULLED, "other-hubspot")
    answer = caller.get(f"/v1/customers/{made['id']}?max_age=3600")
    assert int(answer.headers["age"]) <= 3600
    assert answer.json()["meta"]["as_of"]


def test_what_was_never_seen_or_is_gone_is_asked_for(caller: Caller, vendors: Emulators) -> None:
    placed = vendors.place("hubspot", "contacts", {"properties": {"email": f"{word()}@example.com"}})
    never = expect(caller.get(f"/v1/customers/other-hubspot:{placed['id']}?max_age=3600&stale_if_error=3600")).json()
    assert "as_of" not in never["meta"]
    made = caller.create(CUSTOMER.collection, CUSTOMER.sample())
    assert caller.write("DELETE", f"/v1/customers/{made['id']}").status_code == 200
    expect(caller.get(f"/v1/customers/{made['id']}?max_age=3600&stale_if_error=3600"), 404, "not-found")


def test_what_needs_a_live_read_does_not_go_with_an_age(caller: Caller) -> None:
    for query, wrong in (("max_age=60&include=raw", "max_age"), ("stale_if_error=60&include=owners", "stale_if_error")):
        answer = expect(caller.get(f"/v1/customers/hubspot:1?{query}"), 422, "invalid-field")
        assert parameters(answer) == [wrong]
