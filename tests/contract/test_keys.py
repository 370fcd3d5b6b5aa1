"""API keys: who may call what, and what ends a key."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from app.http.admission import LATE_SECONDS
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.samples import customer, order, ticket
from tests.contract.waiting import until

EVERY = ("customers", "orders", "tickets")
GUARDED = (
    ("GET", "/v1/customers", "customers:read"),
    ("GET", "/v1/customers/cus_1", "customers:read"),
    ("POST", "/v1/customers", "customers:write"),
    ("PATCH", "/v1/customers/cus_1", "customers:write"),
    ("DELETE", "/v1/customers/cus_1", "customers:write"),
    ("GET", "/v1/orders", "orders:read"),
    ("GET", "/v1/orders/ord_1", "orders:read"),
    ("POST", "/v1/orders", "orders:write"),
    ("PATCH", "/v1/orders/ord_1", "orders:write"),
    ("POST", "/v1/orders/ord_1/cancel", "orders:write"),
    ("GET", "/v1/tickets", "tickets:read"),
    ("GET", "/v1/tickets/tkt_1", "tickets:read"),
    ("POST", "/v1/tickets", "tickets:write"),
    ("PATCH", "/v1/tickets/tkt_1", "tickets:write"),
    ("GET", "/v1/tickets/tkt_1/comments", "tickets:read"),
    ("POST", "/v1/tickets/tkt_1/comments", "tickets:write"),
    ("POST", "/v1/operations/op_1/check", "ops:write"),
    ("POST", "/v1/operations/op_1/resolve", "ops:write"),
    ("GET", "/metrics", "ops:read"),
)
ANY_KEY = ("/v1/me", "/v1/contracts", "/v1/contracts/order")
OPEN = ("/health/live", "/health/ready", "/problems/not-found")


@pytest.mark.parametrize(("method", "path", "_scope"), GUARDED)
def test_without_a_key_nothing_is_shown(anonymous: Caller, method: str, path: str, _scope: str) -> None:
    answer = expect(anonymous.request(method, path), 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="lockstitch"'


@pytest.mark.parametrize("path", OPEN)
def test_what_needs_no_key(anonymous: Caller, path: str) -> None:
    assert anonymous.get(path).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer lsk_unknown",
        "Bearer",
        "Basic bHNrOg==",
        "lsk_unknown",
        "Bearer a b",
        "Bearer ä",
        "Token x",
        "Bearer " + "x" * 5000,
    ],
)
def test_what_is_no_key(anonymous: Caller, sent: str) -> None:
    expect(anonymous.get("/v1/me", headers=[(b"authorization", sent.encode())]), 401, "unauthenticated")


def test_an_unknown_key_is_called_invalid(anonymous: Caller) -> None:
    answer = anonymous.get("/v1/me", headers={"authorization": "Bearer lsk_unknown"})
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_two_keys_are_none(anonymous: Caller, full_key: str) -> None:
    sent = [("authorization", f"Bearer {full_key}")] * 2
    assert code_of(anonymous.get("/v1/me", headers=sent), 401) == "unauthenticated"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_has_no_case(anonymous: Caller, full_key: str, scheme: str) -> None:
    assert anonymous.get("/v1/me", headers={"authorization": f"{scheme} {full_key}"}).status_code == 200


def test_a_key_in_the_query_is_no_key(anonymous: Caller, full_key: str) -> None:
    assert code_of(anonymous.get("/v1/me", params={"access_token": full_key}), 401) == "unauthenticated"


@pytest.fixture(scope="module")
def key_by_scope(running_facade: Facade) -> dict[str, str]:
    """A key for every scope, which has that one alone."""
    names = [f"{name}:{verb}" for name in (*EVERY, "ops") for verb in ("read", "write")]
    return {scope: running_facade.make_key(scope).secret for scope in names}


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_every_other_scope_is_forbidden(
    facade: Facade, key_by_scope: dict[str, str], method: str, path: str, scope: str
) -> None:
    for own_scope, secret in key_by_scope.items():
        with facade.calling(secret=secret) as caller:
            answer = caller.request(method, path)
        if own_scope == scope:
            assert answer.status_code not in (401, 403), answer.text
            continue
        assert code_of(answer, 403) == "forbidden"
        assert scope in answer.json()["detail"]


@pytest.mark.parametrize("path", ANY_KEY)
def test_what_any_key_opens(facade: Facade, key_by_scope: dict[str, str], path: str) -> None:
    for secret in key_by_scope.values():
        with facade.calling(secret=secret) as caller:
            assert caller.get(path).status_code == 200


def test_an_operation_is_seen_with_any_scope_of_its_object(
    facade: Facade, caller: Caller, key_by_scope: dict[str, str]
) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/operations/{made['meta']['operation_id']}"
    for own_scope, secret in key_by_scope.items():
        with facade.calling(secret=secret) as other:
            answer = other.get(path)
        if own_scope.startswith("customers:"):
            assert answer.json()["result"]["id"] == made["id"]
        elif own_scope.startswith("ops:"):
            assert code_of(answer, 403) == "forbidden"
        else:
            assert code_of(answer, 404) == "not-found"


def test_the_list_of_operations_shows_what_the_key_may_see(
    facade: Facade, caller: Caller, key_by_scope: dict[str, str]
) -> None:
    caller.create("/v1/customers", customer("hubspot"))
    caller.create("/v1/orders", order())
    made = caller.create("/v1/tickets", ticket("zendesk"))
    caller.create(f"/v1/tickets/{made['id']}/comments", {"body_text": "On its way."})
    readable = {"customers": {"customer"}, "orders": {"order"}, "tickets": {"ticket", "comment"}}
    for plural, objects in readable.items():
        with facade.calling(secret=key_by_scope[f"{plural}:read"]) as other:
            listed = other.get("/v1/operations", params={"limit": 250}).json()["data"]
        assert {operation["object"] for operation in listed} == objects


def test_me_describes_the_key(facade: Facade) -> None:
    made = facade.make_key("customers:read", "ops:read", expires_in=timedelta(days=3), name="a key that tells")
    with facade.calling(secret=made.secret) as caller:
        me = caller.get("/v1/me").json()
    assert me == {
        "name": "a key that tells",
        "scopes": ["customers:read", "ops:read"],
        "expires_at": made.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if made.expires_at else None,
        "needs_approval": False,
    }
    assert set(me) == {"name", "scopes", "expires_at", "needs_approval"}


def after_its_end(caller: Caller) -> httpx.Response:
    """The answer to a key that ends: it is trusted for a second after it was last looked up."""
    return until(lambda: caller.get("/v1/me"), lambda answer: answer.status_code != 200)


def test_a_revoked_key_is_none_within_a_second(facade: Facade) -> None:
    made = facade.make_key()
    with facade.calling(secret=made.secret) as caller:
        assert caller.get("/v1/me").status_code == 200
        facade.with_keys(lambda keys: keys.revoke(made.name))
        assert code_of(after_its_end(caller), 401) == "unauthenticated"


def test_an_expired_key_is_none(facade: Facade) -> None:
    made = facade.make_key(expires_in=timedelta(hours=1))
    with facade.calling(secret=made.secret) as caller:
        assert caller.get("/v1/me").status_code == 200
        facade.sql(
            "UPDATE api_key SET created_at = now() - interval '2 hours', expires_at = now() WHERE id = $1", made.id
        )
        assert code_of(after_its_end(caller), 401) == "unauthenticated"


def test_a_rotated_key_is_good_for_the_overlap_and_recognises_its_writes(facade: Facade) -> None:
    old = facade.make_key()
    body, key = customer("hubspot"), new_key()
    with facade.calling(secret=old.secret) as caller:
        first = caller.write("POST", "/v1/customers", body, key=key)
        fresh = facade.with_keys(lambda keys: keys.rotate(old.name, overlap=timedelta(hours=1)))
        assert caller.get("/v1/me").status_code == 200
    with facade.calling(secret=fresh.secret) as renewed:
        again = renewed.write("POST", "/v1/customers", body, key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    facade.sql("UPDATE api_key SET expires_at = now() WHERE id = $1", old.id)
    with facade.calling(secret=old.secret) as caller:
        assert code_of(after_its_end(caller), 401) == "unauthenticated"


def test_guessing_keys_is_throttled_and_a_valid_key_is_not(facade: Facade) -> None:
    with facade.another_api() as process, facade.calling(url=process.url) as caller, ThreadPoolExecutor(40) as guessers:
        guesses = guessers.map(lambda number: _seconds_of_refusal(process.url, f"lsk_{number}"), range(200))
        good = []
        for _ in range(30):
            began = time.monotonic()
            assert caller.get("/v1/me").status_code == 200
            good.append(time.monotonic() - began)
        took = list(guesses)
    late = [seconds for seconds in took if seconds >= LATE_SECONDS]
    assert len(late) >= 50
    assert statistics.median(good) < LATE_SECONDS / 2


def _seconds_of_refusal(url: str, secret: str) -> float:
    began = time.monotonic()
    with Caller(url, secret) as guesser:
        assert code_of(guesser.get("/v1/me"), 401) == "unauthenticated"
    return time.monotonic() - began


def test_keys_of_others_do_not_meet(facade: Facade) -> None:
    """The same Idempotency-Key of two principals stands for two writes."""
    key = new_key()
    with facade.calling() as one, facade.calling() as other:
        first = one.write("POST", "/v1/customers", customer("hubspot"), key=key)
        second = other.write("POST", "/v1/customers", customer("hubspot"), key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_a_key_is_nowhere_in_clear(facade: Facade, full_key: str) -> None:
    httpx.get(f"{facade.api.url}/v1/me", headers={"authorization": f"Bearer {full_key}"})
    assert full_key not in facade.api.log
    assert full_key not in str(facade.sql("SELECT * FROM api_key"))
