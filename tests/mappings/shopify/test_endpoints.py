"""The requests themselves: what they name, what they cost, what they change, and how their answers are read."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.order import CancelReason
from canonical.order_patch import OrderCancel
from canonical.parts import CustomFieldSetting
from mappings.endpoints import ListQuery, WriteResult
from mappings.http import VendorRequest
from mappings.shopify import VENDOR
from mappings.shopify.customer_r1 import CUSTOMER
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_inputs_2026_07 import CustomerInput, CustomerWrite, MarketingConsentInput, OrderWrite
from mappings.spec import Unmappable, VendorDrift
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import FIXTURES, SHOP, variables

CUSTOMERS, ORDERS = CUSTOMER.endpoints, ORDER.endpoints
CUSTOMER_RECORD = msgspec.json.decode((FIXTURES / "customer-full.in.json").read_bytes())
ORDER_RECORD = msgspec.json.decode((FIXTURES / "order-full.in.json").read_bytes())
SINCE = datetime(2026, 2, 1, 12, 30, 5, 999_999, tzinfo=UTC)
BARE = Account()


def listed(endpoints: Any, query: ListQuery, account: Account = BARE) -> dict[str, Any]:
    """The variables of a list's request."""
    return variables(endpoints.list(query, account))


def paged(endpoints: Any, query: ListQuery, data: Any) -> Any:
    """What a list makes of an answer."""
    return endpoints.page(reply({"data": data}), query, SHOP)


def document(request: VendorRequest) -> str:
    """The GraphQL text of a request."""
    return msgspec.json.decode(required(request.body))["query"]


def test_every_request_is_one_post_without_ids_in_its_route() -> None:
    request = required(CUSTOMERS.read)("9120000000000017", SHOP)

    assert (request.method, request.path) == ("POST", "/admin/api/2026-07/graphql.json")
    assert (request.route, request.effect) == ("/graphql customer", False)
    assert variables(request)["id"] == "gid://shopify/Customer/9120000000000017"


def test_configured_metafields_are_asked_for() -> None:
    assert CUSTOMERS.read is not None
    keys = [f"custom.{name}" for name in ("tier", "needles", "stitches", "since", "visited", "blocked")]

    assert variables(CUSTOMERS.read("1", SHOP)) == {
        "id": "gid://shopify/Customer/1",
        "fields": 6,
        "keys": keys,
        "custom": True,
    }
    assert variables(required(ORDERS.read)("1", SHOP))["keys"] == ["custom.priority"]
    assert variables(CUSTOMERS.read("1", BARE))["custom"] is False


def test_lists_are_searched_sorted_and_paged() -> None:
    plain = listed(CUSTOMERS, ListQuery(limit=250, after="cursor"))
    changed = listed(CUSTOMERS, ListQuery(limit=20, updated_since=SINCE))

    assert (plain["first"], plain["after"], plain["query"], plain["sortKey"]) == (50, "cursor", None, "ID")
    assert (changed["query"], changed["sortKey"]) == ("updated_at:>='2026-02-01T12:30:05Z'", "UPDATED_AT")
    both = listed(ORDERS, ListQuery(limit=5, updated_since=SINCE, filters={"number": '#"1"', "status": "completed"}))
    assert both["query"] == 'updated_at:>=\'2026-02-01T12:30:05Z\' AND name:"#\\"1\\"" AND status:closed'
    assert listed(ORDERS, ListQuery(limit=5, filters={"status": "draft"}))["query"] == "id:0"


def test_many_custom_fields_make_pages_smaller() -> None:
    many = tuple(CustomFieldSetting(key=f"k{at}", vendor_field=f"custom.k{at}") for at in range(40))
    account = Account(custom_fields={"customer": many, "order": many})

    assert listed(CUSTOMERS, ListQuery(limit=250), account)["first"] == 16
    assert listed(ORDERS, ListQuery(limit=250), account)["first"] == 8


@pytest.mark.parametrize(
    ("endpoints", "filters", "identifier"),
    [
        (CUSTOMERS, {"email": "a@example.com"}, {"emailAddress": "a@example.com"}),
        (CUSTOMERS, {"external_id": "7", "email": "a@example.com"}, "7"),
        (ORDERS, {"external_id": "7"}, "7"),
    ],
)
def test_a_unique_key_is_looked_up_not_searched(endpoints: Any, filters: Any, identifier: Any) -> None:
    request = endpoints.list(ListQuery(limit=5, filters=filters), BARE)
    expected = (
        identifier
        if isinstance(identifier, dict)
        else {"customId": {"namespace": "lockstitch", "key": "external_id", "value": identifier}}
    )

    assert request.route.endswith("ByIdentifier")
    assert variables(request)["identifier"] == expected


@pytest.mark.parametrize(
    ("filters", "since", "kept"),
    [
        ({"email": "MIRA.halvorsen@fjord.example"}, None, 1),
        ({"email": "mira.halvorsen@fjord.example", "external_id": "erp-0017"}, None, 1),
        ({"email": "other@fjord.example", "external_id": "erp-0017"}, None, 0),
        ({"external_id": "erp-0017"}, datetime(2026, 3, 9, 17, 0, 1, 5, tzinfo=UTC), 1),
        ({"external_id": "erp-0017"}, datetime(2026, 3, 9, 17, 0, 2, tzinfo=UTC), 0),
    ],
)
def test_a_customer_found_by_key_has_to_fit_the_rest(filters: Any, since: datetime | None, kept: int) -> None:
    query = ListQuery(limit=5, filters=filters, updated_since=since)

    page = paged(CUSTOMERS, query, {"customerByIdentifier": CUSTOMER_RECORD})

    assert (len(page.records), page.next) == (kept, None)
    assert paged(CUSTOMERS, query, {"customerByIdentifier": None}).records == ()


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"number": "#1042"}, 1),
        ({"number": "1042"}, 0),
        ({"email": "Mira.Halvorsen@FJORD.example"}, 1),
        ({"email": "halvorsen@fjord.example"}, 0),
        ({"status": "open"}, 1),
        ({"status": "cancelled"}, 0),
    ],
)
def test_what_the_search_finds_has_to_fit_to_the_letter(filters: dict[str, str], kept: int) -> None:
    connection = {"nodes": [ORDER_RECORD], "pageInfo": {"hasNextPage": True, "endCursor": "c2"}}

    page = paged(ORDERS, ListQuery(limit=5, filters=filters), {"orders": connection})

    assert (len(page.records), page.next) == (kept, "c2")
    assert page.account.orders.keys() == ({ORDER_RECORD["id"]} if kept else set())


def test_the_last_page_has_no_cursor() -> None:
    connection = {"nodes": [CUSTOMER_RECORD], "pageInfo": {"hasNextPage": False, "endCursor": "c2"}}

    assert paged(CUSTOMERS, ListQuery(limit=5), {"customers": connection}).next is None
    with pytest.raises(VendorDrift):
        paged(CUSTOMERS, ListQuery(limit=5), {})


def test_a_create_carries_the_marker_and_everything_else_at_once() -> None:
    marker = {"namespace": "lockstitch", "key": "operation_id", "type": "id", "value": "op_1"}
    consent = MarketingConsentInput(marketing_state="SUBSCRIBED")
    body = CustomerWrite(input=CustomerInput(first_name="Ann"), email_consent=consent)

    customer, order = (
        required(CUSTOMERS.create)(body, "op_1", None, SHOP),
        required(ORDERS.create)(OrderWrite(), "op_1", None, SHOP),
    )

    assert variables(customer)["input"] == {
        "firstName": "Ann",
        "emailMarketingConsent": {"marketingState": "SUBSCRIBED"},
        "metafields": [marker],
    }
    assert variables(order)["order"] == {"metafields": [marker]}
    assert (customer.effect, customer.idempotent, order.effect) == (True, False, True)


def test_a_change_is_one_request_with_the_mutations_that_it_needs() -> None:
    consent = MarketingConsentInput(marketing_state="UNSUBSCRIBED")
    body = CustomerWrite(
        input=CustomerInput(note=None), addresses=(), sms_consent=consent, cleared=(("custom", "tier"),)
    )
    owner = "gid://shopify/Customer/7"

    request = required(CUSTOMERS.update)("7", body, "op_1", BARE)

    sent = variables(request)
    assert {name: sent[name] for name in ("cleared", "input", "identifier", "addresses", "smsConsent")} == {
        "cleared": [{"ownerId": owner, "namespace": "custom", "key": "tier"}],
        "input": {"id": owner, "note": None},
        "identifier": {"id": owner},
        "addresses": {"addresses": []},
        "smsConsent": {"customerId": owner, "smsMarketingConsent": {"marketingState": "UNSUBSCRIBED"}},
    }
    text = document(request)
    assert text.index("metafieldsDelete(") < text.index("customerUpdate(input") < text.index("customerSet(")
    assert "customerEmailMarketingConsentUpdate" not in text
    assert "op_1" not in text + str(sent)


@pytest.mark.parametrize("body", [CustomerWrite(), CustomerWrite(cleared=(("lockstitch", "external_id"),))])
def test_a_change_always_shows_the_customer_as_it_is_then(body: CustomerWrite) -> None:
    request = required(CUSTOMERS.update)("7", body, "op_1", BARE)

    assert variables(request)["input"] == {"id": "gid://shopify/Customer/7"}
    assert "customerUpdate(input: $input) { customer { id displayName" in document(request)


def test_an_order_loses_metafields_in_the_same_request() -> None:
    assert ORDERS.update is not None
    request = ORDERS.update("7", OrderWrite(cleared=(("lockstitch", "external_id"),)), "op_1", BARE)

    assert variables(request)["cleared"][0]["ownerId"] == "gid://shopify/Order/7"
    assert "metafieldsDelete(" in document(request)
    assert "metafieldsDelete(" not in document(ORDERS.update("7", OrderWrite(), "op_1", BARE))


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("customer", "CUSTOMER"),
        ("fraud", "FRAUD"),
        ("inventory", "INVENTORY"),
        ("payment_declined", "DECLINED"),
        ("staff", "STAFF"),
        ("other", "OTHER"),
    ],
)
def test_a_cancellation_says_why_and_how(reason: CancelReason, word: str) -> None:
    request, refused = required(ORDERS.cancel)("7", OrderCancel(reason=reason, refund=True, note="n"), "op_1", BARE)

    assert refused == ()
    assert variables(request) == {
        "orderId": "gid://shopify/Order/7",
        "reason": word,
        "restock": False,
        "notifyCustomer": False,
        "staffNote": "n",
        "refundMethod": {"originalPaymentMethodsRefund": True},
    }


def test_a_cancellation_without_a_reason_or_with_a_long_note_is_refused() -> None:
    _, refused = required(ORDERS.cancel)("7", OrderCancel(reason="unknown", note="n" * 256), "op_1", BARE)

    assert [one.pointer for one in refused] == ["/reason", "/note"]


def test_answers_to_writes_are_read() -> None:
    assert CUSTOMERS.write_result is not None
    assert ORDERS.write_result is not None
    data = {"metafieldsDelete": {"userErrors": []}, "customerUpdate": {"customer": {"id": "gid://shopify/Customer/1"}}}
    later = {"customerSet": {"customer": CUSTOMER_RECORD, "userErrors": []}}

    made = CUSTOMERS.write_result(
        reply({"data": {"customerCreate": {"customer": CUSTOMER_RECORD, "userErrors": []}}}), "create"
    )
    assert (made.remote_id, made.created, made.pending) == ("9120000000000017", True, False)
    changed = CUSTOMERS.write_result(reply({"data": data | later}), "update")
    assert CUSTOMER.read(required(changed.record), SHOP).data.first_name == "Mira"
    working = ORDERS.write_result(reply({"data": {"orderCancel": {"job": {"id": "j", "done": False}}}}), "cancel")
    assert working == WriteResult(pending=True)
    assert ORDERS.write_result(reply({"data": {"orderCancel": {"job": None}}}), "cancel") == WriteResult()
    for endpoints, action in ((CUSTOMERS, "create"), (ORDERS, "create"), (ORDERS, "cancel")):
        with pytest.raises(Unmappable):
            endpoints.write_result(reply({"data": {"other": {"customer": None}}}), action)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("endpoints", "root", "kind"),
    [(CUSTOMERS, "customerByIdentifier", "Customer"), (ORDERS, "orderByIdentifier", "Order")],
)
def test_the_marker_is_looked_up_in_the_database(endpoints: Any, root: str, kind: str) -> None:
    request = endpoints.find_marker("op_1", None, None, SHOP)

    assert variables(request) == {
        "identifier": {"customId": {"namespace": "lockstitch", "key": "operation_id", "value": "op_1"}}
    }
    assert endpoints.marked(reply({"data": {root: {"id": f"gid://shopify/{kind}/7"}}}), "op_1") == "7"
    assert endpoints.marked(reply({"data": {root: None}}), "op_1") is None
    assert endpoints.recovery["create"].strength == "strong"


@pytest.mark.parametrize("endpoints", [CUSTOMERS, ORDERS])
def test_what_is_not_there_is_none(endpoints: Any) -> None:
    raw, account = endpoints.record(reply({"data": {"customerByIdentifier": None}}), SHOP)

    assert (raw, account) == (None, SHOP)


def test_the_verbs_are_those_that_shopify_has() -> None:
    assert CUSTOMERS.actions() == ("create", "update", "upsert")
    assert ORDERS.actions() == ("create", "update", "upsert", "cancel")


def test_a_shop_is_known_by_its_answer_or_by_nothing() -> None:
    answer = reply({"data": {"shop": {"myshopifyDomain": "nordic-seams.myshopify.com", "currencyCode": "NOK"}}})

    assert VENDOR.build_account((answer,), {}) == Account(domain="nordic-seams.myshopify.com", currency="NOK")
    for unknown in (None, reply(b"<html>"), reply({"data": None})):
        assert VENDOR.build_account((unknown,), {}) == Account()


def test_the_setup_defines_both_unique_metafields_on_both_objects() -> None:
    defined = [variables(request)["definition"] for request in VENDOR.setup]

    assert [(one["ownerType"], one["namespace"], one["key"], one["type"]) for one in defined] == [
        ("CUSTOMER", "lockstitch", "operation_id", "id"),
        ("CUSTOMER", "lockstitch", "external_id", "id"),
        ("ORDER", "lockstitch", "operation_id", "id"),
        ("ORDER", "lockstitch", "external_id", "id"),
    ]
