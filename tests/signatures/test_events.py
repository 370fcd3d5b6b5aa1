"""What a verified request tells, and by what its copies are known."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.signatures import ReceivedEvent

from .bodies import BODIES
from .senders import changed, event, events, keys, sent


@pytest.mark.parametrize(
    ("scheme", "topic", "occurred_at", "record", "dedupe_key"),
    [
        (
            "shopify",
            "orders/updated",
            datetime(2026, 11, 25, 10, 29, 58, 144218, UTC),
            ("orders", "820982911946154508"),
            "shopify:needle-and-thread.myshopify.example:orders/updated:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        ),
        (
            "zendesk",
            "zen:event-type:ticket.created",
            datetime(2026, 11, 25, 10, 29, 58, 304701, UTC),
            ("ticket", "5158"),
            "zendesk:01HZX4K0:01J0A9Q7",
        ),
        (
            "stripe",
            "customer.updated",
            datetime(2026, 11, 25, 10, 29, 59, 0, UTC),
            ("customer", "cus_R9x1"),
            "stripe:acct_1032D82e:evt_1QPX2eLkdIwHu7ix",
        ),
        (
            "intercom",
            "ticket.created",
            datetime(2026, 11, 25, 10, 29, 59, 0, UTC),
            ("ticket", "215"),
            "intercom:notif_ccd8a4d0-f965-11e3-a367",
        ),
        ("github", "ping", None, (None, None), "github:72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        (
            "standard-webhooks",
            "invoice.paid",
            datetime(2026, 11, 25, 10, 29, 59, 500000, UTC),
            (None, None),
            "standard-webhooks:msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        ),
    ],
)
def test_each_scheme_becomes_an_event(
    scheme: str,
    topic: str,
    occurred_at: datetime | None,
    record: tuple[str | None, str | None],
    dedupe_key: str,
) -> None:
    received = event(sent(scheme))

    assert (received.remote_object, received.remote_id) == record
    assert received == ReceivedEvent(
        dedupe_key=dedupe_key,
        topic=topic,
        occurred_at=occurred_at,
        payload=BODIES[scheme],
        remote_object=record[0],
        remote_id=record[1],
    )


def test_each_element_of_a_hubspot_array_is_an_event() -> None:
    first, second = events(sent("hubspot"))

    assert first.dedupe_key == "hubspot:62515:25:3816279340:1795602600123"
    assert second.dedupe_key == "hubspot:62515:26:3816279341:1795602600124"
    assert [first.topic, second.topic] == ["contact.propertyChange", "contact.creation"]
    assert (first.remote_object, first.remote_id) == ("contact", "9007199254740993")
    assert first.occurred_at == datetime(2026, 11, 25, 10, 30, 0, 123000, UTC)
    assert b"[%b, %b]" % (first.payload, second.payload) == BODIES["hubspot"]


def test_a_retry_of_hubspot_is_the_same_event_though_its_bytes_differ() -> None:
    retried = json.loads(BODIES["hubspot"])
    for element in retried:
        element["attemptNumber"] += 1

    assert keys(sent("hubspot", json.dumps(retried[::-1]).encode())) == keys(sent("hubspot"))[::-1]


@pytest.mark.parametrize("part", ["portalId", "subscriptionId", "eventId", "occurredAt"])
def test_each_part_of_a_hubspot_identity_counts(part: str) -> None:
    one = json.loads(BODIES["hubspot"])[0]

    others = [one | {part: one[part] + 1}, {name: value for name, value in one.items() if name != part}]

    assert len({keys(sent("hubspot", json.dumps([body]).encode()))[0] for body in (one, *others)}) == 3


def test_the_test_button_of_hubspot_sends_a_bare_object() -> None:
    array = sent("hubspot", b"[" + json.dumps(json.loads(BODIES["hubspot"])[0]).encode() + b"]")

    bare = sent("hubspot", array.body[1:-1])

    assert events(bare) == events(array)
    assert events(sent("hubspot", b"[]")) == ()


def test_hubspot_events_of_custom_objects_name_their_type() -> None:
    body = json.loads(BODIES["hubspot"])[0] | {"subscriptionType": "object.creation", "objectTypeId": "2-3453932"}

    received = event(sent("hubspot", json.dumps([body]).encode()))

    assert (received.topic, received.remote_object) == ("object.creation", "2-3453932")


def test_the_identity_of_a_shopify_delivery() -> None:
    usual = sent("shopify")
    others = [
        usual.with_header("X-Shopify-Topic", b"orders/create"),
        usual.with_header("X-Shopify-Shop-Domain", b"other.myshopify.example"),
        usual.with_header("X-Shopify-Webhook-Id", b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd044"),
        usual.without("X-Shopify-Webhook-Id"),
    ]

    assert len({event(case).dedupe_key for case in (usual, *others)}) == 5
    assert keys(usual.with_header("X-Shopify-Triggered-At", b"2026-11-25T10:30:00Z")) == keys(usual)
    without_id = usual.without("X-Shopify-Webhook-Id")
    assert keys(replace(without_id, body=without_id.body + b" ")) != keys(without_id)


def test_shopify_ids_beyond_53_bits_and_of_text_are_kept() -> None:
    assert event(sent("shopify", b'{"id":9223372036854775807}')).remote_id == "9223372036854775807"
    assert event(sent("shopify", b'{"id":"c1-f88080"}')).remote_id == "c1-f88080"
    received = event(sent("shopify", b'{"inventory_item_id":1}'))
    assert (received.remote_object, received.remote_id) == (None, None)


def test_zendesk_trigger_webhooks_have_any_body() -> None:
    for body in (
        b'{"type":"incident","id":"5","subject":"zen:ticket:1","time":"2026-01-01T00:00:00Z"}',
        b"",
        b"ticket 5",
    ):
        received = event(sent("zendesk", body))
        assert (received.topic, received.occurred_at, received.remote_object, received.remote_id) == (
            None,
            None,
            None,
            None,
        )
        assert received.dedupe_key == "zendesk:01HZX4K0:01J0A9Q7"


def test_zendesk_without_a_subject_names_its_record_in_the_detail() -> None:
    received = event(changed("zendesk", subject=..., detail={"id": 71447}))

    assert (received.remote_object, received.remote_id) == ("ticket", "71447")


def test_zendesk_without_an_invocation_is_known_by_its_own_id() -> None:
    bare = sent("zendesk").without("X-Zendesk-Webhook-Invocation-Id")

    assert keys(bare) == ["zendesk:01HZX4K0:cbe4028c-7239-495d-b020"]


def test_the_identity_of_a_woocommerce_delivery() -> None:
    usual = sent("woocommerce")
    received = event(usual)
    others = [
        usual.with_header("X-WC-Webhook-Source", b"https://other.example.com/"),
        usual.with_header("X-WC-Webhook-ID", b"4"),
        usual.with_header("X-WC-Webhook-Topic", b"order.created"),
        changed("woocommerce", id=728),
        changed("woocommerce", date_modified_gmt="2026-11-25T10:29:58"),
        changed("woocommerce", status="completed"),
    ]

    assert (received.topic, received.remote_object, received.remote_id) == ("order.updated", "order", "727")
    assert received.occurred_at == datetime(2026, 11, 25, 10, 29, 57, tzinfo=UTC)
    assert len({event(case).dedupe_key for case in (usual, *others)}) == 7
    # The delivery id changes with the second in which WooCommerce sends, not with the event.
    assert keys(usual.with_header("X-WC-Webhook-Delivery-ID", b"ffff")) == keys(usual)


def test_a_record_deleted_twice_in_woocommerce_is_two_events() -> None:
    deletion = sent("woocommerce", b'{"id":727}').with_header("X-WC-Webhook-Topic", b"order.deleted")
    later = deletion.with_header("X-WC-Webhook-Delivery-ID", b"0a0b0c")

    assert keys(deletion) == keys(replace(deletion))
    assert keys(deletion) != keys(later)
    assert event(deletion).remote_id == "727"


def test_the_same_stripe_event_of_two_accounts_is_two() -> None:
    cases = [changed("stripe", account=account) for account in ("acct_1", "acct_2", ..., None)]

    assert [event(case).dedupe_key for case in cases] == [
        "stripe:acct_1:evt_1QPX2eLkdIwHu7ix",
        "stripe:acct_2:evt_1QPX2eLkdIwHu7ix",
        "stripe::evt_1QPX2eLkdIwHu7ix",
        "stripe::evt_1QPX2eLkdIwHu7ix",
    ]


def test_a_thin_stripe_event() -> None:
    body = {
        "id": "evt_test_65R",
        "object": "v2.core.event",
        "type": "v2.core.account.updated",
        "context": "acct_9",
        "created": "2026-11-25T10:29:59.123Z",
        "related_object": {"id": "acct_9", "type": "v2.core.account", "url": "/v2/core/accounts/acct_9"},
    }

    received = event(sent("stripe", json.dumps(body).encode()))

    assert received.dedupe_key == "stripe:acct_9:evt_test_65R"
    assert received.occurred_at == datetime(2026, 11, 25, 10, 29, 59, 123000, UTC)
    assert (received.remote_object, received.remote_id) == ("v2.core.account", "acct_9")


def test_an_id_that_is_not_that_of_an_event_is_no_identity() -> None:
    """A bare record keeps its id when it changes: two changes of it are two events."""
    records: dict[str, dict[str, str]] = {
        "stripe": {"id": "cus_1", "object": "customer"},
        "intercom": {"id": "5", "type": "ticket"},
    }
    for scheme, one in records.items():
        bodies = [json.dumps(one | {"name": name}).encode() for name in ("a", "b")]
        assert len({event(sent(scheme, body)).dedupe_key for body in bodies}) == 2
        assert event(sent(scheme, bodies[0])).topic is None


def test_an_intercom_ping_is_an_event() -> None:
    ping = changed("intercom", topic="ping", id=None, data={"item": {"type": "ping"}})

    received = event(ping)

    assert (received.topic, received.remote_object) == ("ping", None)
    assert keys(replace(ping, body=ping.body.replace(b"599", b"600"))) != [received.dedupe_key]
