"""A key without the read scope of an object gets no stored value at any door of a write, at any vendor.

A record is made with a mark in every value. The key that only writes must never see the mark, unless it sent it.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.samples import word
from tests.contract.subscribers import SubscriberServer, secret_of_key
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors
from tests.fixtures import opened

ASYNC: Final = {"prefer": "respond-async"}
IDS: Final = {"id", "meta", "remote_id", "ticket_id"}
PHONE: Final = "+4930901820"


subscribers = opened(lambda: closing(SubscriberServer()), "module")
"""Targets of callbacks."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, subscribers: SubscriberServer
) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor and allowed to call back."""
    egress = f'[egress]\nallow = ["127.0.0.1/32:{subscribers.port}"]\n'
    with all_vendors(tmp_path_factory.mktemp("withheld"), module_database_url, more=egress) as facade:
        yield facade


full_key = own_key()


class Kept(NamedTuple):
    """A record with marked values: what a write must not show, and how to reach it."""

    sample: Sample
    made: dict[str, Any]
    secrets: tuple[str, ...]
    address: str
    external_id: str | None

    @property
    def path(self) -> str:
        return f"{self.sample.path}/{self.made['id']}"


@pytest.fixture(params=SAMPLES)
def kept(request: pytest.FixtureRequest, caller: Caller) -> Kept:
    """A record of one object at one vendor, with a mark in all its values."""
    return make(caller, SAMPLES[request.param])


@pytest.fixture
def writer(facade: Facade, kept: Kept) -> Iterator[Caller]:
    """A caller who may write the object, and no more."""
    with facade.calling(f"{kept.sample.object}s:write", "customers:write") as calling:
        yield calling


def make(caller: Caller, sample: Sample) -> Kept:
    """Make a record with a mark in all its values."""
    mark, address, external = f"canary{word()}", f"{word()}@example.com", f"key-{word()}"
    phone = f"{PHONE}{next(NUMBERS):04d}"
    place = {"line1": f"{mark} street", "city": f"{mark} town", "country_code": "DE", "postal_code": "10115"}
    more: dict[str, Any] = {"tags": [f"{mark}-tag"], "external_id": external}
    if sample.object == "customer":
        more |= {"emails": [{"address": address}], "phones": [{"raw": phone, "type": "mobile"}], "notes": f"{mark} n"}
        more |= {"addresses": [{**place, "type": "billing"}], "company_name": f"{mark} Ltd", "job_title": f"{mark} j"}
    elif sample.object == "order":
        more |= {"shipping_address": {**place, "name": f"{mark} Lee"}, "customer_note": f"{mark} c"}
        more |= {"internal_note": f"{mark} i"}
    else:
        more |= {"description": f"{mark} d"}
    body = {**sample.body(mark), **more}
    answer = caller.write("POST", f"{sample.collection()}&loss=any", body)
    if answer.status_code == 422:  # the vendor takes fewer of them
        body = {**sample.body(mark), **{name: value for name, value in more.items() if name in ("emails", "tags")}}
        answer = caller.write("POST", f"{sample.collection()}&loss=any", body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert mark in json.dumps(caller.get(f"{sample.path}/{made['id']}").json())
    return Kept(sample, made, (mark, phone[1:]), address, made.get("external_id"))


NUMBERS: Final = itertools.count(1)


def assert_withheld(answer: httpx.Response, kept: Kept, sent: dict[str, Any] | None = None) -> None:
    """Assert that an answer holds nothing but ids, meta and what was sent."""
    hides(answer.text, kept)
    if answer.status_code in (200, 201) and not answer.json().get("dry_run"):
        body = answer.json()
        assert body.keys() <= IDS | (sent or {}).keys(), body
        assert {name: body[name] for name in sent or {}} == (sent or {})
        assert body["meta"]["operation_id"].startswith("op_")


def hides(text: str, kept: Kept) -> None:
    for secret in kept.secrets:
        assert secret.lower() not in text.lower(), text


def doors(kept: Kept) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """The writes of one record: method, path, body, and the values in it that the answer repeats."""
    sample = kept.sample
    yield "PATCH", f"{kept.path}?", {}, {}
    if sample.change:
        yield "PATCH", f"{kept.path}?", sample.change, sample.change
    yield "POST", f"{kept.path}/tags?", {"add": ["new"], "remove": ["old"]}, {}
    plain = sample.body("plain")
    if "email" in sample.upsert_keys:
        sent = {**plain, "emails": [{"address": kept.address}]}
        yield "POST", f"{sample.collection()}&upsert_on=email&", sent, sent
    if "external_id" in sample.upsert_keys and kept.external_id:
        sent = {**plain, "external_id": kept.external_id}
        yield "POST", f"{sample.collection()}&upsert_on=external_id&loss=any&", sent, sent
    if sample.object == "customer":
        again = {**plain, "emails": [{"address": kept.address}]}
        yield "POST", f"{sample.collection()}&", again, again  # a duplicate at some vendors
        yield "DELETE", f"{kept.path}?", None, {}
    elif sample.object == "order":
        yield "POST", f"{kept.path}/cancel?", {"reason": "customer"}, {}
    else:
        comment = {"body_text": "On its way.", "visibility": "public"}
        yield "POST", f"{kept.path}/comments?", comment, comment


def test_no_door_shows_a_stored_value(kept: Kept, writer: Caller) -> None:
    done = []
    for method, path, body, sent in doors(kept):
        assert_withheld(writer.write(method, f"{path}dry_run=true", body), kept)
        refused = writer.write(method, path, body, headers={"if-match": '"0"'})
        assert_withheld(refused, kept, sent)

        key = new_key()
        answer = writer.write(method, path, body, key=key)
        assert_withheld(answer, kept, sent)
        replayed = writer.write(method, path, body, key=key)
        if "idempotent-replayed" in replayed.headers:
            assert replayed.content == answer.content
        if answer.status_code >= 300:
            continue
        done.append(path)
        operation_view = writer.get(f"/v1/operations/{answer.json()['meta']['operation_id']}")
        hides(operation_view.text, kept)
        assert operation_view.json()["result"] == answer.json()
    assert done
    hides(writer.get("/v1/operations?limit=250").text, kept)


def test_an_asynchronous_write_and_its_callback_show_no_stored_value(
    kept: Kept, writer: Caller, subscribers: SubscriberServer
) -> None:
    sent = kept.sample.change or {}
    hook = subscribers.hook(word())
    headers = ASYNC | {"lockstitch-callback": hook.url}
    accepted = writer.write("PATCH", kept.path, sent, headers=headers)
    hides(accepted.text, kept)
    ended = writer.settled(accepted)
    hides(json.dumps(ended), kept)
    assert ended["state"] == "succeeded"
    assert ended["result"].keys() == {"id", "meta", *sent}

    post = hook.received(1)[0]

    hides(post.body.decode(), kept)
    assert writer.secret is not None
    assert post.proven_by(secret_of_key(writer.secret))["data"]["result"] == ended["result"]


def test_the_answer_depends_on_the_scopes_of_the_key(caller: Caller, facade: Facade) -> None:
    """One principal, whose key is replaced by one with other scopes: a replay follows the key that asks."""
    kept = make(caller, SAMPLES["hubspot customer"])
    narrow = facade.make_key("customers:write", name="narrow")
    both = ("customers:read", "customers:write")
    wide = facade.with_keys(lambda keys: keys.rotate("narrow", scopes=both))
    key, body = new_key(), {"job_title": "Potter"}
    with facade.calling(secret=narrow.secret) as narrowly, facade.calling(secret=wide.secret) as widely:
        first = narrowly.write("PATCH", kept.path, body, key=key)
        whole = widely.write("PATCH", kept.path, body, key=key)
        again = narrowly.write("PATCH", kept.path, body, key=key)
        assert widely.write("PATCH", kept.path, body, key=key).content == whole.content
    assert_withheld(first, kept, body)
    assert again.content == first.content
    assert kept.secrets[0] in whole.text
    assert first.headers["etag"] == whole.headers["etag"]


def test_what_another_caller_sent_is_not_shown(caller: Caller, facade: Facade) -> None:
    kept = make(caller, SAMPLES["hubspot customer"])
    with facade.calling("customers:write") as stranger:
        operation_view = stranger.get(f"/v1/operations/{kept.made['meta']['operation_id']}")
    hides(operation_view.text, kept)
    assert operation_view.json()["result"].keys() == {"id", "meta"}


def test_what_was_sent_is_shown_as_it_was_sent(facade: Facade) -> None:
    """Without nulls that count as absent, and with the connection that a reference lacks, it is another body."""
    body = {
        "first_name": "Ann",
        "last_name": None,
        "emails": [{"address": f"{word().upper()}@Example.COM", "is_primary": True}],
        "phones": [{"raw": "030 901820"}],
    }
    with facade.calling("customers:write") as writer:
        made = writer.create("/v1/customers?connection=hubspot", body | {"id": "cus_x", "created_at": None})
        assert {name: value for name, value in made.items() if name not in IDS} == body
        result = writer.get(f"/v1/operations/{made['meta']['operation_id']}").json()["result"]
        assert result == made
        assert made["id"] != "cus_x"


def test_candidates_are_named_by_id(caller: Caller, facade: Facade) -> None:
    first = make(caller, SAMPLES["stripe customer"])
    second = caller.create("/v1/customers?connection=stripe", {"emails": [{"address": first.address}]})
    with facade.calling("customers:write") as writer:
        answer = writer.write(
            "POST", "/v1/customers?connection=stripe&upsert_on=email", {"emails": [{"address": first.address}]}
        )
    hides(answer.text, first)
    assert code_of(answer, 409) == "ambiguous-match"
    assert {one["id"] for one in answer.json()["candidates"]} == {first.made["id"], second["id"]}


def test_a_duplicate_is_named_without_the_words_of_the_vendor(caller: Caller, facade: Facade) -> None:
    kept = make(caller, SAMPLES["hubspot customer"])
    body = {"emails": [{"address": kept.address}]}
    with facade.calling("customers:write") as writer:
        narrow = writer.write("POST", "/v1/customers?connection=hubspot", body)
    whole = caller.write("POST", "/v1/customers?connection=hubspot", body)
    assert code_of(narrow, 409) == code_of(whole, 409) == "duplicate-record"
    place = f"hubspot:{kept.made['meta']['remote_id']}"
    assert (narrow.json()["vendor"]["existing"], narrow.json()["vendor"]["detail"]) == (place, None)
    assert place in narrow.json()["detail"]
    assert whole.json()["vendor"]["detail"] in whole.json()["detail"] + "."


def test_an_operator_who_decides_sees_no_stored_value(caller: Caller, facade: Facade) -> None:
    kept = make(caller, SAMPLES["hubspot customer"])
    made = caller.write("PATCH", kept.path, {"job_title": "Potter"}).json()["meta"]["operation_id"]
    facade.sql(
        "UPDATE operation SET phase = 'unknown', outcome = NULL, answer = NULL WHERE id = $1",
        made,
    )
    with facade.calling("ops:write", "orders:read") as operator:
        resolved = operator.post(
            f"/v1/operations/{made}/resolve",
            json={"outcome": "succeeded", "remote_id": kept.made["meta"]["remote_id"]},
        )
        assert resolved.status_code == 200, resolved.text
        hides(expect(operator.post(f"/v1/operations/{made}/check"), 409, "state-conflict").text, kept)
    hides(resolved.text, kept)
    assert resolved.json()["result"].keys() == {"id", "meta"}
