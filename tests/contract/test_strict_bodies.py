"""Bodies that are JSON and say a thing twice, or are wrong in more places than anybody reads."""

import json

import pytest

from tests.contract.answer_checks import MOST_ERRORS
from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.samples import customer

REPEATED = {
    "at the top": (b'{"first_name":"Ada","first_name":"Bea"}', ["/first_name"]),
    "equal values": (b'{"first_name":"Ada","first_name":"Ada"}', ["/first_name"]),
    "spelled otherwise": (b'{"first_name":"Ada","first\\u005fname":"Bea"}', ["/first_name"]),
    "in an item": (
        b'{"emails":[{"address":"a@example.com"},{"address":"b@example.com","address":"c@example.com"}]}',
        ["/emails/1/address"],
    ),
    "several": (b'{"tags":["x"],"tags":[],"tags":null,"emails":[],"emails":[]}', ["/tags", "/tags", "/emails"]),
}


@pytest.mark.parametrize(("body", "where"), REPEATED.values(), ids=REPEATED.keys())
def test_a_member_that_appears_twice_is_refused(caller: Caller, body: bytes, where: list[str]) -> None:
    headers = {"idempotency-key": new_key(), "content-type": "application/json"}
    answer = caller.post("/v1/customers?connection=hubspot", content=body, headers=headers)
    assert code_of(answer, 422) == "invalid-field"
    assert pointers(answer) == where
    assert "more than once" in answer.json()["detail"]


ROUTES = {
    "PATCH /v1/customers/hubspot:1": b'{"first_name":"Ada","first_name":"Bea"}',
    "POST /v1/orders/shopify:1/cancel": b'{"reason":"other","reason":"fraud"}',
    "POST /v1/tickets/zendesk:1/comments": b'{"body_text":"a","visibility":"public","visibility":"private"}',
    "POST /v1/subscriptions": b'{"target_url":"https://example.com/","events":["customer.*"],"events":["order.*"]}',
    "POST /v1/operations/op_1/resolve": b'{"outcome":"failed","outcome":"failed"}',
    "POST /ops/dead-letters/dl_1/discard": b'{"because":"x","because":"y"}',
    "POST /ops/dead-letters/dl_1/redrive": b'{"payload":{"receipt":"in_1","payload":{"a":{"id":1,"id":2}}}}',
    "POST /ops/redrives": b'{"filter":{"kind":"ingest","kind":"write"}}',
    "POST /ops/connections/hubspot/pause": b'{"note":"x","note":"y"}',
    "POST /ops/mappings/hubspot.customer/route": b'{"connection":"hubspot","connection":"shopify","active":1}',
}


@pytest.mark.parametrize(("route", "body"), ROUTES.items(), ids=ROUTES.keys())
def test_every_json_route_refuses_a_repeated_member(caller: Caller, route: str, body: bytes) -> None:
    method, path = route.split(" ")
    headers = {"idempotency-key": new_key(), "content-type": "application/json"}
    answer = expect(caller.request(method, path, content=body, headers=headers), 422, "invalid-field")
    assert "more than once" in answer.json()["errors"][0]["detail"], answer.text


def test_a_text_that_looks_like_a_repeated_member_is_stored(caller: Caller) -> None:
    body = customer("hubspot", job_title='{"a":1,"a":1}')
    assert caller.create("/v1/customers?connection=hubspot", body)["job_title"] == '{"a":1,"a":1}'


IN_WORDS = {
    "a number": (
        "/v1/orders",
        {"line_items": [{"quantity": 2}]},
        "must be a string, not a whole number: put it in quotes",
    ),
    "a comma": ("/v1/orders", {"line_items": [{"quantity": "1,5"}]}, 'a decimal number as a string, such as "19.90"'),
    "an empty key": ("/v1/customers", {"external_id": ""}, "must have at least 1 character"),
    "a date": ("/v1/tickets", {"due_at": "tomorrow"}, "must be a time such as 2026-01-31T12:00:00Z"),
    "an enum": ("/v1/customers", {"emails": [{"address": "a@example.com", "type": "Work"}]}, "work, personal, billing"),
    "a reason": ("/v1/orders/shopify:1/cancel", {"reason": "because"}, "customer, fraud, inventory"),
    "a key to match": ("/v1/customers/hubspot:1/copies", {"connection": "x", "match_on": "mail"}, "email, external_id"),
    "a phone number": ("/v1/customers", {"phones": [{"e164": "030"}]}, "begin with + and the country code"),
    "an unknown member": ("/v1/customers", {"quux": 1}, "lists the fields."),
    "a slip": ("/v1/customers", {"first_nam": "Ada"}, "Did you mean first_name?"),
}


@pytest.mark.parametrize(("path", "body", "words"), IN_WORDS.values(), ids=IN_WORDS.keys())
def test_what_is_wrong_is_said_in_words(caller: Caller, path: str, body: dict[str, object], words: str) -> None:
    detail = expect(caller.write("POST", path, body), 422, "invalid-field").json()["detail"]
    assert words in detail
    for jargon in ("null, got", "expected", "regex", "`", "(phone)", "?.", "..", "/v1/contracts lists them"):
        assert jargon not in detail


WRONG = {
    "unusable values": ([{"address": f"x{number}"} for number in range(40_000)], "39,900"),
    "repeated values": ([{"address": "a@example.com"}] * 25_000, "24,899"),
    "NUL characters": ([{"address": "\0"}] * 30_000, "29,900"),
}


@pytest.mark.parametrize(("emails", "more"), WRONG.values(), ids=WRONG.keys())
def test_at_most_100_errors_and_then_a_count(caller: Caller, emails: list[dict[str, str]], more: str) -> None:
    answer = expect(caller.write("POST", "/v1/customers?connection=hubspot", {"emails": emails}), 422, "invalid-field")
    assert len(answer.json()["errors"]) == MOST_ERRORS
    assert f"and {more} more" in answer.json()["detail"]
    assert len(answer.content) < 50_000


def test_members_repeated_without_end_are_counted(caller: Caller) -> None:
    body = b'{"tags":[]' + b',"tags":[]' * 90_000 + b"}"
    headers = {"idempotency-key": new_key(), "content-type": "application/json"}
    answer = caller.post("/v1/customers?connection=hubspot", content=body, headers=headers)
    assert code_of(answer, 422) == "invalid-field"
    assert pointers(answer) == ["/tags"] * MOST_ERRORS
    assert "89,900 more" in answer.json()["detail"]


@pytest.mark.parametrize("spoiled", ["{name}", '"tags":["\\u0000"],{name}'], ids=["unknown", "with a NUL"])
def test_a_long_name_is_cut_in_the_answer(caller: Caller, spoiled: str) -> None:
    body = "{" + spoiled.replace("{name}", json.dumps("n" * 900_000) + ":[" + '"\\u0000",' * 10 + '""]') + "}"
    headers = {"idempotency-key": new_key(), "content-type": "application/json"}
    answer = caller.post("/v1/customers?connection=hubspot", content=body.encode(), headers=headers)
    assert code_of(answer, 422) == "invalid-field"
    assert answer.json()["errors"][0]["pointer"].startswith("/nnn")
    assert len(answer.content) < 10_000


def test_a_query_of_many_wrong_words_is_answered_shortly(caller: Caller) -> None:
    answer = caller.get("/v1/events", params={"type": ",".join(f"w{number}" for number in range(5_000))})
    assert code_of(answer, 422) == "invalid-field"
    assert len(answer.json()["errors"]) == MOST_ERRORS
    assert "4,900 more" in answer.json()["detail"]
