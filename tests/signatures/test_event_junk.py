"""Any body with a valid signature is read without an error: junk, and the vendors' recordings."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.shared_material import SHARED

from .bodies import BODIES
from .senders import SCHEMES, event, events, keys, sent

JUNK = (
    b"",
    b"not json",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"{",
    b"null",
    b"1e999",
    b'"text"',
    b"{}",
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b'{"id":' + b"[" * 200_000,
    b'{"id":' + b"9" * 5_000 + b"}",
    b'{"id":"' + b"\\u0041" * 50_000 + b'"}',
    b'{"id":true,"type":{},"object":[],"topic":1.5,"created":"x","time":[],"data":{"object":7,"item":[]}}',
    b'{"id":"a\\u0000b","type":"\\ud800","object":"event","created":-1}',
    b'{"id":"\xff","object":"event"}',
    b'{"object":"event","created":99999999999999999999,"id":""}',
    b'{"type":"zen:event-type:ticket.created","subject":"zen:ticket:","time":"yesterday","detail":[]}',
    b'{"date_modified_gmt":"0000-00-00T00:00:00"}',
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("body", JUNK, ids=range(len(JUNK)))
def test_a_body_that_cannot_be_read_is_one_event(scheme: str, body: bytes) -> None:
    received = event(sent(scheme, body))

    assert received.payload == body
    assert received.occurred_at is None or scheme == "shopify"
    assert event(sent(scheme, body)).dedupe_key == received.dedupe_key
    for text in (received.topic, received.remote_object, received.remote_id):
        assert text is None or (text.isprintable() and 0 < len(text) <= 255)


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme not in ("zendesk", "github", "shopify")])
def test_bodies_without_an_identity_are_known_by_their_bytes(scheme: str) -> None:
    one, other = (sent(scheme, body).without("webhook-id") for body in (b"not json", b"not json either"))

    assert keys(one) == keys(sent(scheme, b"not json").without("webhook-id"))
    assert keys(one) != keys(other)


def test_headers_that_cannot_be_read_are_no_topic_and_still_an_identity() -> None:
    for value in (b"\xff\xfe", b"a\x00b", b"x" * 100_000):
        case = sent("shopify").with_header("X-Shopify-Topic", value).with_header("X-Shopify-Webhook-Id", value)
        received = event(case)
        assert received.topic is None
        assert received.dedupe_key.isascii()
        assert received.dedupe_key.isprintable()
        assert len(received.dedupe_key) <= 255
        assert keys(case.with_header("X-Shopify-Webhook-Id", value + b"x")) != [received.dedupe_key]


def test_a_repeated_header_is_never_chosen_from() -> None:
    case = sent("github").and_header("X-GitHub-Event", b"push").and_header("x-github-delivery", b"1")

    received = event(case)

    assert received.topic is None
    assert received.dedupe_key == event(sent("github").without("X-GitHub-Delivery")).dedupe_key


def test_parts_of_an_identity_do_not_run_into_each_other() -> None:
    def named(shop: bytes, topic: bytes) -> str:
        case = sent("shopify").with_header("X-Shopify-Shop-Domain", shop).with_header("X-Shopify-Topic", topic)
        return event(case).dedupe_key

    assert len({named(b"a:b", b"c"), named(b"a", b"b:c"), named(b"a%3Ab", b"c"), named(b"", b"a:b:c")}) == 4


def test_junk_among_hubspot_elements_costs_the_others_nothing() -> None:
    good = json.dumps(json.loads(BODIES["hubspot"])[0]).encode()

    received = events(sent("hubspot", b'[7, "x", null, [[]], {}, %b, {"eventId": {"$gt": 0}}]' % good))

    assert [one.payload for one in received] == [
        b"7",
        b'"x"',
        b"null",
        b"[[]]",
        b"{}",
        good,
        b'{"eventId": {"$gt": 0}}',
    ]
    assert len({one.dedupe_key for one in received}) == 7
    assert received[5].dedupe_key == "hubspot:62515:25:3816279340:1795602600123"


SAMPLES: Mapping[str, str] = {
    "hubspot": "hubspot/webhook",
    "shopify": "shopify/webhook",
    "zendesk": "zendesk/webhook",
    "woocommerce": "woocommerce/webhook",
    "stripe": "stripe/event",
    "intercom": "intercom/webhook",
}


@pytest.mark.skipif(not (SHARED / "vendor-samples").is_dir(), reason="recordings are not at hand")
@pytest.mark.parametrize("scheme", SAMPLES)
def test_recordings(scheme: str) -> None:
    """Every recording is read; those that are events name themselves, their kind, their time and their record."""
    files = sorted((SHARED / "vendor-samples" / SAMPLES[scheme]).glob("*.json"))
    assert files
    for file in files:
        case = sent(scheme, file.read_bytes())
        case.proven_by()
        received = events(case)
        document = json.loads(case.body)
        assert len(received) == (len(document) if isinstance(document, list) else 1)
        if scheme in ("shopify", "woocommerce") or is_event(scheme, document):
            assert all(one.topic and one.occurred_at and one.remote_object and one.remote_id for one in received), file
            assert not any("sha256." in one.dedupe_key for one in received) or scheme == "woocommerce", file


def is_event(scheme: str, document: Any) -> bool:
    """Some recordings are the bare record."""
    if scheme == "hubspot":
        return isinstance(document, list)
    if scheme == "zendesk":
        return str(document.get("type")).startswith("zen:")
    return "event" in (document.get("object"), document.get("type")) or document.get("type") == "notification_event"
