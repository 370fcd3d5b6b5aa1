"""What vendors' webhooks say: which of our records, and what happened to it; nothing for everything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry import MANIFESTS
from mappings.webhooks import Merge, Notice, Part
from tests.required import required

Webhook = tuple[str, str, str | None, str, dict[str, object]]

MEANT: list[tuple[Webhook, Notice]] = [
    (
        ("hubspot", "contact.creation", "contact", "101", {}),
        Notice(object="customer", remote_id="101", happened="created"),
    ),
    (
        ("hubspot", "contact.propertyChange", "contact", "101", {"propertyName": "email"}),
        Notice(object="customer", remote_id="101", happened="updated"),
    ),
    (
        ("hubspot", "contact.privacyDeletion", "contact", "101", {}),
        Notice(object="customer", remote_id="101", happened="deleted"),
    ),
    (
        ("hubspot", "ticket.restore", "ticket", "7", {}),
        Notice(object="ticket", remote_id="7", happened="updated"),
    ),
    (
        ("hubspot", "object.deletion", "0-5", "7", {"objectTypeId": "0-5"}),
        Notice(object="ticket", remote_id="7", happened="deleted"),
    ),
    (
        ("hubspot", "order.propertyChange", "order", "41", {"propertyName": "hs_pipeline_stage"}),
        Notice(object="order", remote_id="41", happened="updated"),
    ),
    (
        ("hubspot", "object.creation", "0-123", "41", {"objectTypeId": "0-123"}),
        Notice(object="order", remote_id="41", happened="created"),
    ),
    (
        (
            *("hubspot", "contact.merge", "contact", "101"),
            {"primaryObjectId": 101, "mergedObjectIds": [102], "newObjectId": 103},
        ),
        Notice(
            object="customer",
            remote_id="103",
            happened="updated",
            merge=Merge(remote_ids=("102", "101"), into="103"),
        ),
    ),
    (
        ("hubspot", "ticket.associationChange", None, "", {"fromObjectId": 7, "toObjectId": 101}),
        Notice(object="ticket", remote_id="7", happened="updated"),
    ),
    (
        ("hubspot", "line_item.propertyChange", "line_item", "55", {"propertyName": "price"}),
        Notice(object="order", remote_id="", happened="updated", part=Part(remote_id="55")),
    ),
    (
        ("hubspot", "object.deletion", "0-8", "55", {"objectTypeId": "0-8"}),
        Notice(object="order", remote_id="", happened="updated", part=Part(remote_id="55", is_gone=True)),
    ),
    (
        (
            *("hubspot", "line_item.associationChange", None, ""),
            {"fromObjectId": 55, "toObjectId": 41, "associationType": "LINE_ITEM_TO_ORDER", "associationRemoved": True},
        ),
        Notice(object="order", remote_id="41", happened="updated"),
    ),
    (
        (
            *("hubspot", "line_item.associationChange", None, ""),
            {"fromObjectId": 55, "toObjectId": 41, "associationType": "LINE_ITEM_TO_DEAL"},
        ),
        Notice(object="order", remote_id="", happened="updated", part=Part(remote_id="55")),
    ),
    (
        ("shopify", "customers/create", "customers", "207119551", {}),
        Notice(object="customer", remote_id="207119551", happened="created"),
    ),
    (
        ("shopify", "orders/paid", "orders", "820982911946154508", {}),
        Notice(object="order", remote_id="820982911946154508", happened="updated"),
    ),
    (
        ("shopify", "orders/delete", "orders", "820982911946154508", {}),
        Notice(object="order", remote_id="820982911946154508", happened="deleted"),
    ),
    (
        ("shopify", "orders/edited", "orders", "", {"order_edit": {"id": 78912328793, "order_id": 6262656893058}}),
        Notice(object="order", remote_id="6262656893058", happened="updated"),
    ),
    (
        (
            *("shopify", "customers/merge", None, ""),
            {
                "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
                "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
                "status": "completed",
            },
        ),
        Notice(object="customer", remote_id="1", happened="updated", merge=Merge(remote_ids=("2",), into="1")),
    ),
    (
        ("zendesk", "zen:event-type:ticket.created", "ticket", "35436", {}),
        Notice(object="ticket", remote_id="35436", happened="created"),
    ),
    (
        ("zendesk", "zen:event-type:ticket.status_changed", "ticket", "35436", {}),
        Notice(object="ticket", remote_id="35436", happened="updated"),
    ),
    (
        ("zendesk", "zen:event-type:ticket.soft_deleted", "ticket", "35436", {}),
        Notice(object="ticket", remote_id="35436", happened="deleted", trashed=True),
    ),
    (
        ("zendesk", "zen:event-type:ticket.comment_added", "ticket", "35436", {"event": {"comment": {"id": "99"}}}),
        Notice(object="ticket", remote_id="35436", happened="comment_added", comment_id="99"),
    ),
    (
        ("zendesk", "zen:event-type:ticket.comment_added", "ticket", "35436", {"event": None}),
        Notice(object="ticket", remote_id="35436", happened="comment_added"),
    ),
    (
        ("zendesk", "zen:event-type:ticket.merged", "ticket", "35436", {"event": {"target_ticket_id": "35440"}}),
        Notice(
            object="ticket", remote_id="35436", happened="updated", merge=Merge(remote_ids=("35436",), into="35440")
        ),
    ),
    (
        ("zendesk", "zen:event-type:user.active_changed", "user", "9", {}),
        Notice(object="customer", remote_id="9", happened="updated", changed="status"),
    ),
    (
        ("zendesk", "zen:event-type:user.external_id_changed", "user", "9", {}),
        Notice(object="customer", remote_id="9", happened="updated"),
    ),
    (
        ("zendesk", "zen:event-type:ticket.custom_field_changed", "ticket", "35436", {}),
        Notice(object="ticket", remote_id="35436", happened="updated", changed="custom_fields"),
    ),
    (
        ("zendesk", "zen:event-type:user.deleted", "user", "9", {}),
        Notice(object="customer", remote_id="9", happened="deleted"),
    ),
    (
        ("woocommerce", "customer.created", "customer", "26", {"id": 26}),
        Notice(object="customer", remote_id="26", happened="created"),
    ),
    (
        ("woocommerce", "order.restored", "order", "727", {"id": 727}),
        Notice(object="order", remote_id="727", happened="updated"),
    ),
    (
        ("woocommerce", "order.deleted", "order", "727", {"id": 727}),
        Notice(object="order", remote_id="727", happened="deleted"),
    ),
]

NOT_MEANT: list[Webhook] = [
    ("hubspot", "company.creation", "company", "1", {}),
    ("hubspot", "deal.propertyChange", "deal", "1", {}),
    ("hubspot", "object.creation", "2-3453932", "1", {}),
    ("hubspot", "contact.somethingNew", "contact", "1", {}),
    ("hubspot", "contact.creation", "contact", "one", {}),
    ("hubspot", "conversation.newMessage", "conversation", "1", {}),
    ("shopify", "products/update", "products", "1", {}),
    ("shopify", "customers/redact", "customers", "1", {"customer": {"id": 1}}),
    ("shopify", "customers/merge", None, "", {}),
    ("zendesk", "zen:event-type:organization.created", "organization", "1", {}),
    ("zendesk", "zen:event-type:ticket.created", "ticket", "0", {}),
    ("zendesk", "a-triggers-own-word", "ticket", "1", {}),
    ("stripe", "product.updated", "product", "prod_1", {}),
    ("woocommerce", "order.deleted", "order", "0", {}),
    ("woocommerce", "product.updated", "product", "1", {}),
    ("woocommerce", "action.woocommerce_add_to_cart", None, "", {}),
    ("github", "issues", None, "", {}),
]


def understood(sent: Webhook) -> Notice | None:
    vendor, topic, remote_object, remote_id, payload = sent
    webhooks = required(MANIFESTS[vendor].webhooks)
    return webhooks.notice(topic, remote_object, remote_id or None, json.dumps(payload).encode())


@pytest.mark.parametrize(("sent", "notice"), MEANT, ids=[sent[1] for sent, _ in MEANT])
def test_what_is_said_about_records_that_we_map(sent: Webhook, notice: Notice) -> None:
    assert understood(sent) == notice


@pytest.mark.parametrize("sent", NOT_MEANT, ids=[sent[1] for sent in NOT_MEANT])
def test_nothing_is_made_of_the_rest(sent: Webhook) -> None:
    assert understood(sent) is None


@given(
    vendor=st.sampled_from(sorted(name for name, one in MANIFESTS.items() if one.webhooks is not None)),
    topic=st.one_of(st.none(), st.text(), st.sampled_from([sent[1] for sent, _ in MEANT])),
    remote_object=st.one_of(st.none(), st.text(), st.sampled_from(["ticket", "user", "contact", "0-1"])),
    remote_id=st.one_of(st.none(), st.text(), st.from_regex(r"[0-9]{1,20}", fullmatch=True)),
    payload=st.one_of(
        st.binary(),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.dictionaries(
                st.sampled_from(["event", "comment", "id", "order_edit", "order_id", "fromObjectId", "newObjectId"]),
                inner,
            ),
        ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    ),
)
def test_any_signed_webhook_is_mapped_or_ignored(
    vendor: str, topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes
) -> None:
    webhooks = required(MANIFESTS[vendor].webhooks)
    notice = webhooks.notice(topic, remote_object, remote_id, payload)
    assert notice is None or (notice.remote_id.isdecimal() and not notice.remote_id.startswith("0"))
