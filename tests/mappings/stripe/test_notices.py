"""What an event is taken for: a record of ours that something happened to, or nothing of ours."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.stripe.webhooks import TOPICS, notice
from mappings.webhooks import Notice


def event(topic: str, **record: object) -> bytes:
    """An event with this object inside."""
    return msgspec.json.encode({"object": "event", "type": topic, "data": {"object": record}})


@pytest.mark.parametrize(
    ("topic", "remote_object", "remote_id", "payload", "expected"),
    [
        (
            "customer.created",
            "customer",
            "cus_1",
            b"{}",
            Notice(object="customer", remote_id="cus_1", happened="created"),
        ),
        (
            "customer.deleted",
            "customer",
            "cus_1",
            b"{}",
            Notice(object="customer", remote_id="cus_1", happened="deleted"),
        ),
        (
            "customer.subscription.updated",
            "subscription",
            "sub_1",
            event("customer.subscription.updated", id="sub_1", customer="cus_7"),
            Notice(object="customer", remote_id="cus_7", happened="updated"),
        ),
        ("invoice.paid", "invoice", "in_1", b"{}", Notice(object="order", remote_id="in_1", happened="updated")),
        ("invoice.deleted", "invoice", "in_1", b"{}", Notice(object="order", remote_id="in_1", happened="deleted")),
        (
            "checkout.session.completed",
            "checkout.session",
            "cs_1",
            event("checkout.session.completed", id="cs_1", mode="payment"),
            Notice(object="order", remote_id="cs_1", happened="updated"),
        ),
        (
            "checkout.session.completed",
            "checkout.session",
            "cs_1",
            event("checkout.session.completed", id="cs_1", mode="setup"),
            None,
        ),
        ("invoice.upcoming", "invoice", None, b"{}", None),
        ("customer.updated", "customer", "cus_1", b'{"account":"acct_9","data":{"object":{"id":"cus_1"}}}', None),
        ("invoice.paid", "invoice", "in/../1", b"{}", None),
        ("charge.succeeded", "charge", "ch_1", b"{}", None),
        (None, None, None, b"", None),
    ],
)
def test_each_topic_is_news_of_its_record(
    topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes, expected: Notice | None
) -> None:
    assert notice(topic, remote_object, remote_id, payload) == expected


@given(
    st.sampled_from(sorted(TOPICS)) | st.none() | st.text(max_size=20),
    st.none() | st.text(max_size=20),
    st.none() | st.text(max_size=20),
    st.binary(max_size=200),
)
def test_no_event_raises(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> None:
    notice_ = notice(topic, remote_object, remote_id, payload)
    assert notice_ is None or notice_.object in ("customer", "order")
