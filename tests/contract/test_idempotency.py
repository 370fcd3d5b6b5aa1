"""One key, one effect: replays, reuse, copies at once, and what a key may look like."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.raw_http import exchange, head
from tests.contract.samples import KINDS, customer, order, ticket, word

# As the n8n templates make them: an execution id alone starts again at 1 in a new database.
RUN_ID = "{{ $workflow.id }}-{{ $execution.id }}-{{ $now.toMillis() }}"
KEY = "{{ $('Run').first().json.run_id }}-{{ $runIndex }}-{{ $itemIndex }}"
KEPT = ("location", "etag", "content-type", "content-length")


def is_replay(again: httpx.Response, first: httpx.Response) -> None:
    """Check for the recorded answer, byte for byte, marked as a replay."""
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in KEPT:
        assert again.headers.get(name) == first.headers.get(name), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_is_the_recorded_answer_and_the_vendor_is_not_asked(
    caller: Caller, vendors: Emulators, kind: str
) -> None:
    made = KINDS[kind]
    body, key = made.sample(), new_key()
    first = expect(caller.write("POST", made.collection, body, key=key), 201)
    calls = len(vendors.calls(made.connection))
    again = caller.write("POST", made.collection, body, key=key, headers={"x-correlation-id": "another-run"})
    is_replay(again, first)
    assert again.headers["x-correlation-id"] == "another-run"
    assert again.json()["meta"]["correlation_id"] == first.headers["x-correlation-id"]
    assert len(vendors.calls(made.connection)) == calls


def test_every_kind_of_write_is_replayed(caller: Caller) -> None:
    person = caller.create("/v1/customers", customer("hubspot"))
    bought = caller.create("/v1/orders", order())
    ticket_made = caller.create("/v1/tickets", ticket("zendesk"))
    for method, path, body in (
        ("PATCH", f"/v1/customers/{person['id']}", {"job_title": "Potter"}),
        ("PATCH", f"/v1/orders/{bought['id']}", {"customer_note": "Ring twice."}),
        ("POST", f"/v1/orders/{bought['id']}/cancel", {"reason": "customer"}),
        ("POST", f"/v1/tickets/{ticket_made['id']}/comments", {"body_text": "On its way."}),
        ("DELETE", f"/v1/customers/{person['id']}", None),
    ):
        key = new_key()
        first = caller.write(method, path, body, key=key)
        if first.status_code == 202:
            caller.settled(first)
            first = caller.write(method, path, body, key=key)
            del first.headers["idempotent-replayed"]
        assert first.is_success, first.text
        is_replay(caller.write(method, path, body, key=key), first)


def test_a_final_no_of_the_vendor_is_replayed(caller: Caller, vendors: Emulators) -> None:
    body = customer("hubspot")
    caller.create("/v1/customers", body)
    key = new_key()
    first = expect(caller.write("POST", "/v1/customers", body, key=key), 409, "duplicate-record")
    assert "the value that vendor.detail names" in first.json()["next_step"]
    assert first.json()["vendor"]["connection"] == "hubspot"
    calls = len(vendors.calls("hubspot"))
    again = caller.write("POST", "/v1/customers", body, key=key)
    is_replay(again, first)
    plain = caller.write("POST", "/v1/customers", body, key=key, headers={"accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
    assert (plain.status_code, plain.content) == (first.status_code, first.content)
    assert len(vendors.calls("hubspot")) == calls


def test_a_replay_wins_over_a_version_that_moved_on(caller: Caller) -> None:
    made = caller.write("POST", "/v1/customers", customer("hubspot"))
    path, key, headers = made.headers["location"], new_key(), {"if-match": made.headers["etag"]}
    first = expect(caller.write("PATCH", path, {"job_title": "Potter"}, key=key, headers=headers))
    caller.write("PATCH", path, {"job_title": "Glazier"})
    is_replay(caller.write("PATCH", path, {"job_title": "Potter"}, key=key, headers=headers), first)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/customers", {"first_nmae": "Ada"}, "invalid-field"),
        ("/v1/customers?loss=none", {"notes": "x"}, "unsupported-field"),
        ("/v1/orders?connection=zendesk", {}, "unsupported-action"),
    ],
)
def test_a_request_that_was_never_right_leaves_its_key_free(caller: Caller, path: str, body: Any, code: str) -> None:
    key = new_key()
    assert code_of(caller.write("POST", path, body, key=key), 422) == code
    assert caller.write("POST", "/v1/customers", customer("hubspot"), key=key).status_code == 201


def test_a_version_conflict_leaves_the_key_free(caller: Caller) -> None:
    made = caller.write("POST", "/v1/customers", customer("hubspot"))
    path, key = made.headers["location"], new_key()
    stale = caller.write("PATCH", path, {"job_title": "a"}, key=key, headers={"if-match": '"old"'})
    assert code_of(stale, 412) == "version-conflict"
    expect(caller.write("PATCH", path, {"job_title": "b"}, key=key, headers={"if-match": made.headers["etag"]}))


def test_a_key_stands_for_one_request(caller: Caller) -> None:
    body, key = customer("hubspot"), new_key()
    made = caller.write("POST", "/v1/customers", body, key=key)
    path = made.headers["location"]
    sent = json.dumps(body).encode()
    headers = {"idempotency-key": key, "content-type": "application/json"}
    for other in (
        caller.write("POST", "/v1/customers", {**body, "job_title": "Potter"}, key=key),
        caller.post("/v1/customers", content=sent + b" ", headers=headers),
        caller.write("POST", "/v1/customers?connection=hubspot", body, key=key),
        caller.write("POST", "/v1/orders", order(), key=key),
        caller.write("PATCH", path, {}, key=key),
        caller.write("DELETE", path, key=key),
        caller.post("/v1/customers", content=b"not json", headers=headers),
    ):
        assert code_of(other, 422) == "idempotency-key-reused"
        assert other.json()["operation_id"] == made.json()["meta"]["operation_id"]
    is_replay(caller.write("POST", "/v1/customers", body, key=key), made)


def test_the_order_of_the_query_and_the_charset_make_no_other_request(caller: Caller) -> None:
    body, key = customer("hubspot"), new_key()
    first = caller.write("POST", "/v1/customers?connection=hubspot&loss=any", body, key=key)
    headers = {"content-type": "application/json; charset=utf-8"}
    again = caller.write("POST", "/v1/customers?loss=any&connection=hubspot", body, key=key, headers=headers)
    is_replay(again, first)


@pytest.mark.parametrize("key", ["~", "a" * 255, "wf-12-1774433221345-0-0", "a/b?c=d&e", "it's,fine;so=is[this]{1}"])
def test_a_key_is_the_same_bare_and_quoted(caller: Caller, key: str) -> None:
    key = key if len(key) == 255 else f"{key}{word()}"
    body = customer("hubspot")
    first = caller.write("POST", "/v1/customers", body, key=key)
    assert first.status_code in (200, 201), first.text
    again = caller.write("POST", "/v1/customers", body, key=f'"{key}"')
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


def test_escapes_in_a_quoted_key(caller: Caller) -> None:
    mark, body = word(), customer("hubspot")
    first = caller.write("POST", "/v1/customers", body, key=f'"a\\"b\\\\c{mark}"')
    is_replay(caller.write("POST", "/v1/customers", body, key=f'a"b\\c{mark}'), first)


def post_with_key(caller: Caller, key: bytes) -> httpx.Response:
    """A create with exactly these bytes as its key."""
    body = json.dumps(customer("hubspot")).encode()
    headers = (f"Authorization: Bearer {caller.secret}", "Content-Type: application/json")
    sent = (*headers, f"Content-Length: {len(body)}", f"Idempotency-Key:{key.decode('latin-1')}")
    return exchange(caller.url, head("POST", "/v1/customers", *sent) + body)


@pytest.mark.parametrize("key", [b"", b" ", b"\t", b'""', b' "" '])
def test_an_empty_key_is_missing(caller: Caller, key: bytes) -> None:
    answer = expect(post_with_key(caller, key), 400, "idempotency-key-missing").json()
    assert "Idempotency-Key" in answer["detail"]
    for part in (RUN_ID, KEY):
        assert part in answer["next_step"]


@pytest.mark.parametrize(
    "key",
    [b"a b", b"a" * 256, b'"' + b"a" * 256 + b'"', "ä".encode(), b'"open', b'"a b"', b'"a"b', b'"a";b=1', b"a\tb"],
)
def test_a_key_that_cannot_be_used(caller: Caller, key: bytes) -> None:
    assert code_of(post_with_key(caller, key), 400) == "idempotency-key-invalid"


def test_space_around_a_key_is_none_of_it(caller: Caller) -> None:
    assert post_with_key(caller, f"  {new_key()} \t".encode()).status_code == 201


def test_two_keys_are_none(caller: Caller) -> None:
    headers = [("idempotency-key", "one"), ("idempotency-key", "one")]
    expect(caller.post("/v1/customers", json=customer("hubspot"), headers=headers), 400, "idempotency-key-invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/customers"),
        ("PATCH", "/v1/customers/cus_1"),
        ("DELETE", "/v1/customers/cus_1"),
        ("POST", "/v1/orders"),
        ("PATCH", "/v1/orders/ord_1"),
        ("POST", "/v1/orders/ord_1/cancel"),
        ("POST", "/v1/tickets"),
        ("PATCH", "/v1/tickets/tkt_1"),
        ("POST", "/v1/tickets/tkt_1/comments"),
    ],
)
def test_every_write_needs_a_key(caller: Caller, method: str, path: str) -> None:
    assert code_of(caller.request(method, path, json={}), 400) == "idempotency-key-missing"


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_at_once_make_one_record_and_fifty_equal_answers(
    facade: Facade, full_key: str, vendors: Emulators, kind: str
) -> None:
    made, mark = KINDS[kind], word()
    sent = json.dumps(made.sample(mark)).encode()
    headers = {
        "authorization": f"Bearer {full_key}",
        "idempotency-key": new_key(),
        "content-type": "application/json",
        "prefer": "wait=20",
    }

    async def all_at_once() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=facade.api.url, limits=limits, timeout=60, headers=headers) as http:
            return await asyncio.gather(*(http.post(made.collection, content=sent) for _ in range(50)))

    answers = asyncio.run(all_at_once())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(vendors.records(made.connection, made.held_as, holding=mark)) == 1


# What was only received is executed again, and the vendor has the record that carries its marker.
@pytest.mark.parametrize(("phase", "end"), [("received", "failed"), ("sent", "succeeded")])
def test_a_request_whose_process_died_says_when_its_lease_ends(
    caller: Caller, facade: Facade, phase: str, end: str
) -> None:
    body, key = customer("hubspot"), new_key()
    made = caller.write("POST", "/v1/customers", body, key=key).json()["meta"]["operation_id"]
    facade.sql(
        "UPDATE operation SET phase = $2, outcome = NULL, answer = NULL, lease_token = repeat('0', 32),"
        " sent_at = CASE WHEN $2 = 'sent' THEN now() - interval '30 s' END, updated_at = now() - interval '30 s',"
        " due_at = now() + interval '40 s' WHERE id = $1",
        *(made, phase),
    )
    busy = caller.write("POST", "/v1/customers", body, key=key, headers={"prefer": "wait=0"})
    assert code_of(busy, 409) == "idempotency-in-progress"
    assert 30 <= (seconds := int(busy.headers["retry-after"])) <= 40
    assert f"a retry in {seconds} s" in busy.json()["detail"]  # n8n shows no header
    facade.sql("UPDATE operation SET due_at = now() WHERE id = $1", made)
    assert caller.await_operation(f"/v1/operations/{made}")["state"] == end


def test_a_second_request_waits_and_gets_in_progress(caller: Caller, vendors: Emulators) -> None:
    body, key = customer("hubspot"), new_key()
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    first: list[httpx.Response] = []
    running = threading.Thread(target=lambda: first.append(caller.write("POST", "/v1/customers", body, key=key)))
    running.start()
    with Caller(caller.url, caller.secret) as other:
        vendors.await_held()
        busy = other.write("POST", "/v1/customers", body, key=key, headers={"prefer": "wait=0"})
        assert code_of(busy, 409) == "idempotency-in-progress"
        assert busy.json()["retryable"] is True
        assert busy.headers["preference-applied"] == "wait=0"
        assert busy.headers["retry-after"] == "1"
        letting_go = threading.Timer(0.3, vendors.mend)
        letting_go.start()
        patient = other.write("POST", "/v1/customers", body, key=key)
        letting_go.join()
    running.join()
    is_replay(patient, first[0])
