"""Records are found in every document that people have; one without records is refused with its path and the reason."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import ObjectName
from mappings.checks import golden
from mappings.registry import VENDORS, AnyVendor, active
from mappings.spec import Unmappable
from tests.required import required
from tests.shared_material import ROOT, sample_names

WITHOUT_RECORD: dict[str, list[tuple[ObjectName, bytes, str, str]]] = {
    "freshdesk": [
        ("ticket", b'{"description":"Validation failed","errors":[]}', "$.errors", ""),
        ("customer", b'{"code":"access_denied","message":"no"}', "$.code", ""),
        ("ticket", b'{"event":"ticket.updated","ticket_id":4711}', "$.ticket_id", ""),
        ("ticket", b'{"helpdesk_ticket":{"id":1}}', "$.helpdesk_ticket", ""),
        ("ticket", b'[{"id":1}]', "$[0]", ""),
        ("ticket", b'{"results":[{"id":1}]}', "$.results[0]", ""),
        ("comment", b"{}", "$", ""),
        ("comment", b"not json", "$", ""),
        ("order", b"{}", "$", ""),
    ],
    "hubspot": [
        (
            "customer",
            b'[{"eventId":1,"subscriptionType":"contact.creation","objectId":51}]',
            "$[0]",
            "a webhook names a record",
        ),
        (
            "customer",
            b'{"eventId":1,"subscriptionType":"contact.creation","objectId":51}',
            "$",
            "a webhook names a record",
        ),
        ("customer", b'{"status":"error","category":"OBJECT_NOT_FOUND","correlationId":"x"}', "$", "OBJECT_NOT_FOUND"),
        ("customer", b'{"vid":51,"properties":{"email":{"value":"a@b.example"}}}', "$", "API v1 or v2"),
        ("customer", b'{"properties":{"email":"a@b.example"}}', "$.id", "no id"),
        (
            "customer",
            b'{"results":[{"id":"0","label":"Support","stages":[]}]}',
            "$.results[0].properties",
            "no properties",
        ),
        ("customer", b"[]", "$", "empty array"),
        ("customer", b'"text"', "$", "an object was expected"),
    ],
    "medusa": [
        ("order", b'{"type":"not_found","message":"Order id not found"}', "$.message", ""),
        (
            "customer",
            b'{"id":"cus_1","object":"customer","email":"a@b.example"}',
            "$.object",
            "not a customer of Medusa",
        ),
        ("order", b'{"id":"cus_1","object":"customer","deleted":true}', "$.deleted", ""),
        ("order", b'{"order":{"id":"cus_1"}}', "$.order.id", ""),
        ("order", b'{"order":{"id":7}}', "$.order.id", ""),
        ("order", b'{"order":7}', "$.order", ""),
        ("order", b'{"orders":[{"id":"order_1"}]}', "$.orders[0].currency_code", ""),
        ("order", b'{"order":{"id":"order_1","currency_code":"eur"}}', "$.order.item_subtotal", ""),
        ("order", b'{"orders":[7]}', "$.orders[0]", ""),
        ("order", b"{}", "$.id", ""),
        ("order", b"[]", "$", ""),
        ("order", b'"no"', "$", ""),
    ],
    "rt": [
        ("ticket", b'{"message":"Not Found"}', "$.message", "refusal"),
        ("ticket", b'["Ticket 1: Ticket deleted"]', "$", "answer to a change"),
        ("ticket", b'{"items":[{"id":"1","type":"ticket","_url":"x"}]}', "$.items[0]", "a search without `fields`"),
        ("ticket", b'{"id":1,"Name":"General"}', "$", "not a ticket; its members are Name, id"),
        ("comment", b'{"id":"1","Type":"Status","Creator":{},"Created":""}', "$.Type", "not a message"),
        ("comment", b"{}", "$", "a search without `fields`"),
        ("order", b'{"id":1}', "$", "Request Tracker has no order"),
    ],
    "salesforce": [
        ("customer", b"<soapenv:Envelope/>", "$", ""),
        ("customer", b"[]", "$", ""),
        ("customer", b"7", "$", ""),
        ("customer", b"nope", "$", ""),
        ("customer", b"{}", "$.Id", ""),
        ("customer", b'{"compositeResponse":[]}', "$.compositeResponse", ""),
    ],
    "shopify": [
        ("customer", b'{"errors":"Not Found"}', "$.errors", ""),
        ("order", b'{"data":null,"errors":[{"message":"no"}]}', "$.errors", ""),
        ("customer", b'{"data":{"customer":null}}', "$.data", ""),
        (
            "customer",
            b'{"data":{"companies":{"nodes":[{"id":"gid://shopify/Customer/1","displayName":"Ann"}]}}}',
            "$.data",
            "",
        ),
        ("order", b'{"data":{"orderCancel":{"job":{"id":"x"},"userErrors":[]}}}', "$.data", ""),
        ("order", b'{"refund":{"id":1,"order_id":2}}', "$.refund", ""),
        ("order", b'{"id":"gid://shopify/DraftOrder/1","currencyCode":"EUR"}', "$.id", "Shopify's DraftOrder"),
        (
            "order",
            b'{"id":1,"currency":"EUR","total_price":"1.00","line_items":[],"invoice_url":"https://x"}',
            "$",
            "a draft order",
        ),
        (
            "order",
            b'{"id":1,"currency":"EUR","total_price":"1.00","abandoned_checkout_url":"https://x"}',
            "$.abandoned_checkout_url",
            "an abandoned checkout",
        ),
        ("customer", b'{"id":"gid://shopify/Company/1","displayName":"x"}', "$.id", "Shopify's Company"),
        ("customer", b'{"id":1,"email":"a@b.example","phone":null,"active":true}', "$", "not a customer"),
        ("customer", b'{"order":{"id":1,"currency":"EUR","total_price":"1.00"}}', "$.order", ""),
        ("order", b'{"id":1}', "$", ""),
        ("order", b'{"id":1,"admin_graphql_api_id":"gid://shopify/Order/1"}', "$", ""),
        ("customer", b'{"customer":{"first_name":"Ann"}}', "$.customer.id", ""),
        ("order", b'{"id":"c1","token":"t","line_items":[],"note":""}', "$", ""),
        ("customer", b'{"customers":{"id":1}}', "$.customers", ""),
        ("customer", b'["x"]', "$[0]", ""),
        ("customer", b'"x"', "$", ""),
        ("ticket", b'{"id":"gid://shopify/Customer/1","displayName":"Ann"}', "$", ""),
    ],
    "stripe": [
        ("customer", b'{"error":{"type":"api_error"}}', "$.error", ""),
        ("customer", b'{"id":"cus_1","object":"customer","deleted":true}', "$.deleted", ""),
        ("order", b'{"object":"invoice","currency":"eur","lines":{"data":[]}}', "$.id", ""),
        ("order", b'{"id":"ch_1","object":"charge"}', "$.object", ""),
        (
            "order",
            b'{"id":"evt_1","object":"event","data":{"object":{"id":"ch_1","object":"charge"}}}',
            "$.data.object.object",
            "",
        ),
        ("customer", b'{"id":"evt_1","object":"event","data":{}}', "$.data.object", ""),
        ("ticket", b'{"id":"cus_1","object":"customer"}', "$", ""),
        ("customer", b"[]", "$", ""),
        ("customer", b"\xff", "$", ""),
    ],
    "woocommerce": [
        ("order", b'{"id": 7}', "$.currency", ""),
        ("customer", b'{"id": 7}', "$.email", ""),
        ("order", b'{"order": {"id": 7}}', "$.order", ""),
        ("order", b"<html></html>", "$", ""),
        ("order", b"webhook_id=7", "$", ""),
        ("order", b"[7]", "$[0]", ""),
        ("customer", b'{"id": 7, "currency": "EUR", "line_items": []}', "$.email", ""),
        ("ticket", b'{"id": 7, "email": "a@example.com"}', "$", ""),
        ("order", b'{"data": [{"id": 7}]}', "$.data[0].currency", ""),
        (
            "order",
            b'{"id": 7, "currency": "EUR", "line_items": [], "billing_period": "month"}',
            "$.billing_period",
            "a subscription",
        ),
        ("customer", b'{"id": 7, "email": "a@example.com"}', "$.billing", "not a customer"),
    ],
    "zendesk": [
        ("ticket", b'{"error":"RecordNotFound","description":"Not found"}', "$.error", "refusal"),
        ("ticket", b'{"job_status":{"id":"V3","status":"queued"}}', "$.job_status", "queued"),
        ("ticket", b'{"user":{"id":1,"role":"end-user","active":true}}', "$", "no ticket"),
        ("customer", b'{"id":2,"requester_id":1,"status":"new"}', "$", "no user"),
        ("customer", b'{"id":"XXX","name":"Hook","endpoint":"https://hooks.example"}', "$", "no user"),
        ("comment", b'{"ticket":{},"audit":{"created_at":"2026-05-02T07:10:00Z","events":[]}}', "$.audit.events", "no"),
        ("order", b"{}", "$", "no order"),
        ("ticket", b"[1]", "$", "Expected"),
        ("ticket", b"<html>", "$", "not JSON"),
    ],
}
"""Object, payload, the path of the refusal, and words of its reason."""

SAMPLES: dict[str, tuple[tuple[str, ObjectName], ...]] = {
    "freshdesk": (("ticket/conversations", "comment"), ("ticket/", "ticket")),
    "hubspot": (("ticket/", "ticket"),),
    "salesforce": (("case/", "ticket"), ("order/", "order")),
    "shopify": (("customer/", "customer"), ("", "order")),
    "stripe": (("customer/", "customer"), ("event/customer", "customer"), ("", "order")),
    "woocommerce": (("customer/", "customer"), ("", "order")),
    "zendesk": (
        ("ticket/ticket-comments", "comment"),
        ("user/", "customer"),
        ("webhook/user", "customer"),
        ("", "ticket"),
    ),
}
"""What the vendor's own samples hold, by the beginning of their names; a customer where nothing is said."""
REFUSED: dict[str, dict[str, str]] = {
    "freshdesk": {
        "agent/agent-v2.json": "$",
        "company/company-v2.json": "$",
        "contact/contact-v2.json": "$.custom_field",
        "contact/contacts-list-v2.json": "$[0].custom_field",
        "ticket/all-tickets-v2.json": "$[0].custom_field",
        "ticket_field/ticket-field-status-choices-airbyte.json": "$",
    },
    "hubspot": {
        "company/batch-create-companies-v3.json": "$.results[0].url",
        "company/create-company-v3.json": "$.url",
        "company/get-company-v3.json": "$.url",
        "company/list-companies-page-v3.json": "$.results[0].url",
        "contact/spec-example-error.json": "$",
        "contact/spec-example-simplepublicobjectinput.json": "$.id",
        "error/legacy-v1-invalid-email-400.json": "$",
        "pipeline/fetch-pipelines.json": "$.results[0].properties",
        "webhook/contact-creation-2018.json": "$[0]",
        "webhook/contact-creation-and-property-changes.json": "$[0]",
        "webhook/contact-property-change-crm-ui-2025.json": "$[0]",
    },
    "salesforce": {
        "account/account-ampersand-comma.json": "$.attributes.type",
        "account/account-direct-customer.json": "$.attributes.type",
        "account/query-accounts-first-page-more.json": "$.records[0].attributes.type",
        "contact/ui-api-getrecord-contact.json": "$.apiName",
        "error/expired-session-response.json": "$",
        "error/write-error-response.json": "$",
        "query/get-updated-success-response.json": "$.ids",
        "query/query-paginated-first-page-response.json": "$.records[0].attributes.type",
        "query/query-success-response.json": "$.records[0].attributes.type",
        "upsert/create-success-response.json": "$.success",
        "upsert/upsert-created-success-response.json": "$.success",
    },
    "shopify": {
        "customer/create-customer-request.json": "$.customer.id",
        "customer/customer-addresses-go.json": "$.addresses",
        "draft_order/draft-order-2025-01.json": "$.draft_order",
        "graphql/access-denied-error-2026.json": "$.errors",
        "graphql/company-list-2025-01.json": "$.data",
        "graphql/graphql-shop-legacy.json": "$.shop",
        "graphql/order-cancel-ok-2025-10.json": "$.data",
        "graphql/user-errors-not-found.json": "$.data",
        "order/create-order-request-with-tax-lines-2024-10.json": "$.order.id",
        "order/create-order-with-addresses-request.json": "$.order.id",
        "order/transactions-go.json": "$.transactions",
        "order/update-order-request-note-attributes.json": "$.order.id",
        "refund/create-refund-request.json": "$.refund",
        "refund/create-refund-response.json": "$.refund",
        "refund/list-refunds-2024-10.json": "$.refunds",
        "webhook/cart_updated_payload.json": "$",
        "webhook_subscription/webhook-go.json": "$.webhook",
    },
    "stripe": {
        "charge/charge-2019.json": "$.object",
        "charge/openapi-fixture.json": "$.object",
        "checkout_session/openapi-fixture.json": "$.currency",
        "event/activepieces-sample-1.json": "$.object",
        "event/activepieces-sample-3.json": "$.object",
        "event/charge.captured.json": "$.data.object.object",
        "event/charge.succeeded-2020-08-27.json": "$.data.object.object",
        "event/openapi-fixture.json": "$.data.object.object",
        "event/payment_intent.succeeded-2020-08-27.json": "$.data.object.object",
        "event/refund.created.json": "$.data.object.object",
        "payment_intent/openapi-fixture.json": "$.object",
        "refund/openapi-fixture.json": "$.object",
    },
    "woocommerce": {
        "error/docs-error-0.json": "$.message",
        "error/gift-card-invalid.json": "$.message",
        "order/order-statuses-report.json": "$[0].id",
        "refund/docs-create-refund.json": "$.currency",
        "refund/refund-single.json": "$.currency",
        "refund/refunds-list.json": "$[0].currency",
        "webhook_subscription/docs-retrieve-webhook.json": "$.currency",
    },
    "zendesk": {
        "error/record-not-found.json": "$.error",
        "job/bulk-job-queued.json": "$.job_status",
        "ticket/ticket-field-definition-2026.json": "$",
        "webhook/ticket.status_changed-2026-reduced.json": "$.detail",
        "webhook/webhook-definition.json": "$",
    },
}
"""Samples that hold no record of the object, and where that shows."""
AMBIGUOUS = {
    "contact/contact-multiline-address-phone-extension-airbyte.json",
    "order/create-order-with-addresses-response.json",
    "order/orders-list-legacy.json",
    "webhook/orders-create-abridged.json",
    "invoice/openapi-fixture.json",
    "order/fluxc-wc-fetch-order-response-success.json",
    "order/order-2018.json",
    "order/order-with-attribution-2023.json",
    "order/order-with-bundled-items.json",
    "order/orders-list-without-wrapper.json",
}
"""Samples whose own figures do not add up: gift cards, bundles, shortened or edited ones."""


@pytest.mark.parametrize(
    ("vendor", "object_name", "payload", "path", "reason"),
    [(VENDORS[name], *case) for name, cases in WITHOUT_RECORD.items() for case in cases],
    ids=[f"{name}{place}" for name, cases in WITHOUT_RECORD.items() for place, _ in enumerate(cases)],
)
def test_what_holds_no_record_is_refused_with_its_place(
    vendor: AnyVendor, object_name: ObjectName, payload: bytes, path: str, reason: str
) -> None:
    with pytest.raises(Unmappable) as refusal:
        vendor.unwrap(payload, object_name)

    assert refusal.value.path == path
    assert refusal.value.reason
    assert reason in refusal.value.reason


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
@given(
    payload=st.binary(max_size=100) | st.text(max_size=40).map(str.encode),
    object_name=st.sampled_from(["customer", "ticket", "order", "comment"]),
)
def test_no_bytes_break_the_search(vendor: AnyVendor, payload: bytes, object_name: Any) -> None:
    for sent in (payload, b"<html>" + payload, b'{"id":' + payload):
        records: tuple[msgspec.Raw, ...] = ()
        with contextlib.suppress(Unmappable):
            records = vendor.unwrap(sent, object_name)
        assert all(bytes(record).lstrip().startswith(b"{") for record in records)


@pytest.mark.parametrize(("name", "sample"), [(name, one) for name in SAMPLES for one in sample_names(name)])
def test_a_sample_of_the_vendors_is_understood_or_refused(name: str, sample: str, shared: Path) -> None:
    vendor = VENDORS[name]
    object_name: ObjectName = next((kind for start, kind in SAMPLES[name] if sample.startswith(start)), "customer")
    mapping = required(active(vendor, object_name))
    payload = (shared / "vendor-samples" / name / sample).read_bytes()

    if sample in REFUSED[name]:
        with pytest.raises(Unmappable) as refusal:
            golden.map_payload(vendor, mapping, payload, golden.account_of(vendor, ROOT))
        assert refusal.value.path == REFUSED[name][sample]
        return
    mapped = golden.map_payload(vendor, mapping, payload, golden.account_of(vendor, ROOT))

    assert mapped
    for one in mapped:
        assert one.remote.id
        assert msgspec.json.decode(msgspec.json.encode(one.data), type=mapping.model) == one.data
    assert any(loss.kind == "ambiguous" for one in mapped for loss in one.loss) == (sample in AMBIGUOUS)


@pytest.mark.parametrize("source", VENDORS)
def test_a_mapping_accepts_no_record_of_another_vendor(source: str) -> None:
    accepted = []
    for case in golden.cases(VENDORS[source], ROOT):
        for name, vendor in VENDORS.items():
            mapping = active(vendor, case.object) if name != source else None  # type: ignore[arg-type]
            with contextlib.suppress(Unmappable):
                if mapping and golden.map_payload(vendor, mapping, case.sent, golden.account_of(vendor, ROOT)):
                    accepted.append((case.name, name))

    assert accepted == []
