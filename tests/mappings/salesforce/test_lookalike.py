"""The mapping against the look-alike of Salesforce: every call is understood there, and every answer here."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.customer import ConsentPatch, Customer, CustomerPatch, EmailPatch, PhonePatch
from canonical.order import Order
from canonical.order_patch import LineItemPatch, OrderCustomerPatch, OrderPatch
from canonical.parts import AddressPatch, CustomFieldPatch
from canonical.ticket import CommentPatch, RequesterPatch, Ticket, TicketPatch, TicketStatus
from emulators.salesforce.ids import QUEUE_ID, USER_ID
from emulators.salesforce.seed import ACCOUNT_ID, PRODUCTS
from mappings.salesforce import VENDOR
from mappings.salesforce.comment_r1 import COMMENT
from mappings.salesforce.customer_r1 import CUSTOMER
from mappings.salesforce.order_r1 import ORDER
from mappings.salesforce.ticket_r1 import TICKET
from mappings.salesforce.wire_v62 import MARKER
from mappings.spec import ListQuery, Unmappable

from .conftest import AtHand, Mapping

START = datetime(2020, 1, 1, tzinfo=UTC)
PLACED = datetime(2026, 5, 1, tzinfo=UTC)


def ann(**more: Any) -> CustomerPatch:
    """A customer to write."""
    fields: dict[str, Any] = {
        "first_name": "Ann",
        "last_name": "O'Lee",
        "emails": (EmailPatch(address="ann.lee@example.com"),),
        "phones": (PhonePatch(e164="+441174960123"), PhonePatch(e164="+447700900123", type="mobile")),
        "addresses": (AddressPatch(line1="12 Harbour Street", line2="2nd floor", city="Bristol", country_code="GB"),),
        "external_id": "erp/1 'x'",
    }
    return CustomerPatch(**fields | more)


def buyer(salesforce: AtHand) -> str:
    """A contact of the org's account."""
    account = (CustomFieldPatch(key="account", value=ACCOUNT_ID),)
    return salesforce.made(CUSTOMER, ann(custom_fields=account), "op_buyer")


def mugs(contact: str, **more: Any) -> OrderPatch:
    """An order to write."""
    fields: dict[str, Any] = {
        "customer": OrderCustomerPatch(remote_id=contact),
        "placed_at": PLACED,
        "line_items": (
            LineItemPatch(variant_remote_id=PRODUCTS[0][1], quantity="2", unit_price="19.90"),
            LineItemPatch(variant_remote_id=PRODUCTS[1][1], quantity="1.5", unit_price="4.25", name="Needles, sharp"),
        ),
        "external_id": "web-88213",
    }
    return OrderPatch(**fields | more)


def test_a_customer_is_created_changed_and_archived(salesforce: AtHand) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1")
    mapped = salesforce.read(CUSTOMER, id)
    customer: Customer = mapped.data
    assert (customer.display_name, customer.external_id) == ("Ann O'Lee", "erp/1 'x'")
    assert [phone.type for phone in customer.phones] == ["work", "mobile"]
    assert (customer.addresses[0].line2, customer.addresses[0].country_code) == ("2nd floor", "GB")
    assert mapped.remote.url == f"https://loop.lightning.example/{id}"

    consents = (ConsentPatch(channel="email", state="opted_out"),)
    salesforce.changed(CUSTOMER, id, CustomerPatch(first_name=None, phones=(), consents=consents))
    customer = salesforce.read(CUSTOMER, id).data
    assert (customer.display_name, customer.phones) == ("O'Lee", ())
    assert [(one.channel, one.state) for one in customer.consents] == [("email", "opted_out")]

    assert CUSTOMER.endpoints.archive is not None
    assert CUSTOMER.endpoints.read is not None
    salesforce.ask(CUSTOMER.endpoints.archive(id, salesforce.account))
    gone = salesforce.ask(CUSTOMER.endpoints.read(id, salesforce.account))
    assert CUSTOMER.endpoints.record(gone, salesforce.account)[0] is None
    again = salesforce.refusal(CUSTOMER.endpoints.archive(id, salesforce.account))
    assert again is not None
    assert again.kind == "not_found"


@pytest.mark.parametrize(
    ("mapping", "patch"),
    [(CUSTOMER, CustomerPatch(last_name="Lee")), (TICKET, TicketPatch(subject="Seam"))],
    ids=["customer", "ticket"],
)
def test_a_lost_create_is_found_by_its_marker_and_not_made_twice(
    salesforce: AtHand, mapping: Mapping, patch: Any
) -> None:
    assert mapping.endpoints.find_marker is not None
    assert mapping.endpoints.marked is not None
    look = mapping.endpoints.find_marker("op_1", None, None, salesforce.account)
    assert look is not None
    assert mapping.endpoints.marked(salesforce.ask(look), "op_1") is None

    id = salesforce.made(mapping, patch, "op_1")
    again = salesforce.refusal(salesforce.drafted(mapping, patch, "op_1"))

    assert mapping.endpoints.marked(salesforce.ask(look), "op_1") == id
    assert again is not None
    assert (again.kind, again.existing_remote_id) == ("duplicate", id)


def test_an_upsert_makes_one_and_then_changes_it(salesforce: AtHand) -> None:
    upsert, receipt = CUSTOMER.endpoints.upsert["external_id"], CUSTOMER.endpoints.receipt
    assert receipt is not None
    first, second = (
        CUSTOMER.to_vendor(ann(first_name=name), None, salesforce.account).body for name in ("Ann", "Annie")
    )

    made = receipt(salesforce.ask(upsert("erp/1 'x'", first, "op_1", salesforce.account)), "upsert")
    changed = receipt(salesforce.ask(upsert("erp/1 'x'", second, "op_2", salesforce.account)), "upsert")

    assert (made.created, changed.created, made.remote_id) == (True, False, changed.remote_id)
    assert made.remote_id is not None
    assert salesforce.read(CUSTOMER, made.remote_id).data.first_name == "Annie"
    assert len(salesforce.listed(CUSTOMER, ListQuery(limit=5))) == 1


def test_unique_keys_find_one_or_none_and_a_shared_address_is_nobody(salesforce: AtHand) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1")
    find = CUSTOMER.endpoints.find

    def found(key: Any, value: str) -> str | None:
        raw, account = CUSTOMER.endpoints.record(
            salesforce.ask(find[key](value, salesforce.account)), salesforce.account
        )
        return None if raw is None else CUSTOMER.read(raw, account).remote.id

    assert found("email", "Ann.Lee@example.com") == found("external_id", "erp/1 'x'") == id
    assert found("email", "bo@example.com") is None
    assert found("external_id", "ERP/1 'X'") is None
    salesforce.made(CUSTOMER, ann(last_name="Leigh", external_id=msgspec.UNSET), "op_2")
    with pytest.raises(Unmappable, match="several contacts"):
        found("email", "ann.lee@example.com")


def test_the_orgs_duplicate_and_validation_rules_are_told(salesforce: AtHand) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1")
    twin = salesforce.refusal(salesforce.drafted(CUSTOMER, ann(external_id="erp/2"), "op_2"))
    rule = {"sobject": "Contact", "field": "LastName", "contains": "Test", "message": "Nobody is called Test"}
    salesforce.place("validation_rules", **rule)
    ruled = salesforce.refusal(salesforce.drafted(CUSTOMER, CustomerPatch(last_name="Tester"), "op_3"))
    nameless = salesforce.refusal(salesforce.drafted(CUSTOMER, CustomerPatch(first_name="Ann"), "op_4"))

    assert twin is not None
    assert (twin.kind, twin.code, twin.existing_remote_id) == ("duplicate", "DUPLICATES_DETECTED", id)
    assert ruled is not None
    assert (ruled.kind, ruled.fields) == ("rejected", (("LastName", "Nobody is called Test"),))
    assert nameless is not None
    assert [field for field, _ in nameless.fields] == ["LastName"]


@pytest.mark.parametrize("since", [None, START], ids=["all", "changes"])
def test_customers_are_listed_each_once(salesforce: AtHand, since: datetime | None) -> None:
    ids = {
        salesforce.made(CUSTOMER, CustomerPatch(last_name=f"Lee {place}", external_id=str(place)), f"op_{place}")
        for place in range(7)
    }

    listed = [one.remote.id for one in salesforce.listed(CUSTOMER, ListQuery(limit=3, updated_since=since))]

    assert len(listed) == len(ids)
    assert set(listed) == ids
    (one,) = salesforce.listed(CUSTOMER, ListQuery(limit=3, filters={"external_id": "3"}, updated_since=since))
    assert one.data.last_name == "Lee 3"


def test_changes_hold_what_was_archived_and_what_changed_meanwhile(salesforce: AtHand) -> None:
    first, second = (salesforce.made(CUSTOMER, CustomerPatch(last_name=name), f"op_{name}") for name in "ab")
    assert CUSTOMER.endpoints.list is not None
    assert CUSTOMER.endpoints.page is not None
    query = ListQuery(limit=1, updated_since=START)
    page = CUSTOMER.endpoints.page(
        salesforce.ask(CUSTOMER.endpoints.list(query, salesforce.account)), query, salesforce.account
    )
    salesforce.now += 5
    salesforce.changed(CUSTOMER, first, CustomerPatch(first_name="Changed"))
    assert CUSTOMER.endpoints.archive is not None
    salesforce.ask(CUSTOMER.endpoints.archive(second, salesforce.account))

    rest = salesforce.listed(CUSTOMER, msgspec.structs.replace(query, after=page.next))

    assert {(one.remote.id, one.data.status) for one in rest} == {(first, "active"), (second, "archived")}


@pytest.mark.parametrize("after", ["", "id:", "id:1' OR Id != null", "at:x/y", "more:../sobjects", "more:query/x"])
def test_foreign_cursors_are_refused(salesforce: AtHand, after: str) -> None:
    assert CUSTOMER.endpoints.list is not None

    with pytest.raises(ValueError, match="not a place"):
        CUSTOMER.endpoints.list(ListQuery(limit=3, after=after), salesforce.account)


def test_custom_fields_are_stored_typed_and_replaced_whole(salesforce: AtHand) -> None:
    sent: dict[str, Any] = {
        "stitches": ["zigzag", "satin"],
        "needles": 12.5,
        "renewal": "2026-09-01",
        "visited": "2026-05-01T09:30:00Z",
        "vip": True,
        "nickname": "Nan",
        "tier": "gold",
        "account": ACCOUNT_ID,
    }
    patch = CustomerPatch(
        last_name="Lee", custom_fields=tuple(CustomFieldPatch(key=key, value=value) for key, value in sent.items())
    )
    id = salesforce.made(CUSTOMER, patch, "op_1")
    mapped = salesforce.read(CUSTOMER, id)
    assert {field.key: field.value for field in mapped.data.custom_fields} == sent
    assert (mapped.loss, mapped.data.company_name) == ((), "Loop & Hook Ltd")

    salesforce.changed(CUSTOMER, id, CustomerPatch(custom_fields=(CustomFieldPatch(key="nickname", value="Annie"),)))
    kept = {field.key: field.value for field in salesforce.read(CUSTOMER, id).data.custom_fields}
    assert kept == dict.fromkeys(sent) | {"nickname": "Annie", "vip": False}


def test_a_ticket_is_created_for_a_contact_and_closed(salesforce: AtHand) -> None:
    contact = buyer(salesforce)
    patch = TicketPatch(
        subject="Seam came apart",
        description="After two days.",
        priority="high",
        type="problem",
        channel="email",
        requester=RequesterPatch(remote_id=contact),
        external_id="case-77",
        custom_fields=(CustomFieldPatch(key="record_type", value="Warranty"),),
    )
    id = salesforce.made(TICKET, patch, "op_2")
    ticket: Ticket = salesforce.read(TICKET, id).data
    assert (ticket.number, ticket.status, ticket.status_label) == ("00001001", "new", "New")
    assert (ticket.priority, ticket.type, ticket.channel) == ("high", "problem", "email")
    assert ticket.requester is not None
    assert (ticket.requester.remote_id, ticket.requester.email) == (contact, "ann.lee@example.com")
    assert (ticket.company_remote_id, ticket.assignee_remote_id) == (ACCOUNT_ID, USER_ID)
    assert ticket.custom_fields[0].value == "Warranty"

    salesforce.changed(TICKET, id, TicketPatch(status="closed", team_remote_id=QUEUE_ID))
    ticket = salesforce.read(TICKET, id).data
    assert (ticket.status, ticket.status_category, ticket.team_remote_id) == ("closed", "done", QUEUE_ID)
    assert (ticket.assignee_remote_id, ticket.closed_at is not None) == (None, True)


def test_somebody_without_a_contact_may_ask(salesforce: AtHand) -> None:
    requester = RequesterPatch(name="Bo Field", email="Bo@field.example")
    id = salesforce.made(TICKET, TicketPatch(subject="Lid", requester=requester), "op_1")

    ticket: Ticket = salesforce.read(TICKET, id).data

    assert ticket.requester is not None
    assert (ticket.requester.remote_id, ticket.requester.email) == (None, "bo@field.example")


def test_tickets_are_filtered_by_what_their_status_means(salesforce: AtHand) -> None:
    statuses: tuple[TicketStatus, ...] = ("new", "open", "on_hold", "closed", "open")
    for place, status in enumerate(statuses):
        salesforce.made(TICKET, TicketPatch(subject=str(place), status=status), f"op_{place}")

    def subjects(**filters: str) -> list[str]:
        return [one.data.subject for one in salesforce.listed(TICKET, ListQuery(limit=2, filters=filters))]

    assert subjects(status="open") == ["1", "4"]
    assert subjects(status="on_hold") == ["2"]
    assert subjects(status="spam") == []
    assert subjects(number="00001003") == ["2"]


def test_a_status_of_the_orgs_own_is_open_and_keeps_its_name(salesforce: AtHand) -> None:
    placed = salesforce.place("Case", CaseNumber="7", Status="Waiting for parts")

    ticket: Ticket = salesforce.read(TICKET, placed["Id"]).data

    assert (ticket.status, ticket.status_raw, ticket.status_label) == ("open", "Waiting for parts", "Waiting for parts")


def test_comments_are_added_and_listed_both_ways(salesforce: AtHand) -> None:
    case = salesforce.made(TICKET, TicketPatch(subject="Lid"), "op_1")
    for place in range(5):
        visible = "private" if place % 2 else "public"
        comment = msgspec.convert({"body_text": f"{place}", "visibility": visible}, CommentPatch)
        salesforce.made(COMMENT, comment, f"op_c{place}", case)
        salesforce.now += 1

    listed = salesforce.listed(COMMENT, ListQuery(limit=2, parent=case))
    newest = salesforce.listed(COMMENT, ListQuery(limit=2, parent=case, newest_first=True))

    assert [one.data.body_text for one in listed] == ["0", "1", "2", "3", "4"]
    assert [one.remote.id for one in newest] == [one.remote.id for one in reversed(listed)]
    assert [one.data.visibility for one in listed[:2]] == ["public", "private"]
    assert (listed[0].data.author.kind, listed[0].data.author.name) == ("agent", "Dev Admin")


def test_an_order_its_lines_and_its_activation_are_one_request(salesforce: AtHand) -> None:
    contact = buyer(salesforce)
    before = len(salesforce.calls)
    id = salesforce.made(ORDER, mugs(contact, status="open"), "op_1")
    assert len(salesforce.calls) == before + 1

    order: Order = salesforce.read(ORDER, id).data

    assert (order.number, order.status, order.currency) == ("00000100", "open", "EUR")
    assert (order.totals.total, order.totals.items, order.totals.outstanding) == ("46.18", "46.18", "46.18")
    assert [(line.name, line.sku, line.quantity, line.unit_price) for line in order.line_items] == [
        ("Thread, blue", "THR-BLUE", "2", "19.90"),
        ("Needles, sharp", "NDL-12", "1.5", "4.25"),
    ]
    assert order.customer is not None
    assert (order.customer.remote_id, order.customer.name, order.placed_at) == (contact, "Ann O'Lee", PLACED)


def test_an_order_that_cannot_be_made_whole_is_not_made_at_all(salesforce: AtHand) -> None:
    contact = buyer(salesforce)
    salesforce.place(
        "validation_rules", sobject="OrderItem", field="Description", contains="sharp", message="Too sharp"
    )

    refusal = salesforce.refusal(salesforce.drafted(ORDER, mugs(contact), "op_1"))

    assert refusal is not None
    assert (refusal.kind, refusal.code, refusal.detail) == (
        "rejected",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "Too sharp",
    )
    assert salesforce.listed(ORDER, ListQuery(limit=5)) == []


def test_an_order_for_nobody_is_rejected(salesforce: AtHand) -> None:
    refusal = salesforce.refusal(salesforce.drafted(ORDER, mugs("003dM00001aBcDeQAK"), "op_1"))

    assert refusal is not None
    assert (refusal.kind, refusal.code) == ("rejected", "NOT_FOUND")


def test_a_lost_order_is_found_by_its_marker_and_not_made_twice(salesforce: AtHand) -> None:
    contact = buyer(salesforce)
    id = salesforce.made(ORDER, mugs(contact), "op_1")
    again = salesforce.refusal(salesforce.drafted(ORDER, mugs(contact, external_id=msgspec.UNSET), "op_1"))
    assert ORDER.endpoints.find_marker is not None
    assert ORDER.endpoints.marked is not None
    look = ORDER.endpoints.find_marker("op_1", None, None, salesforce.account)
    assert look is not None

    assert ORDER.endpoints.marked(salesforce.ask(look), "op_1") == id
    assert again is not None
    assert (again.kind, again.existing_remote_id) == ("duplicate", id)


def test_an_order_is_changed_and_activated(salesforce: AtHand) -> None:
    id = salesforce.made(ORDER, mugs(buyer(salesforce)), "op_1")
    address = AddressPatch(line1="1 Quay", city="Bristol", country_code="GB")
    salesforce.changed(ORDER, id, OrderPatch(shipping_address=address, internal_note="Check", status="completed"))

    order: Order = salesforce.read(ORDER, id).data

    assert (order.status, order.status_raw, order.internal_note) == ("completed", "Completed", "Check")
    assert order.shipping_address is not None
    assert order.shipping_address.country_code == "GB"
    found = salesforce.listed(
        ORDER, ListQuery(limit=5, filters={"status": "completed", "email": "ann.lee@example.com"})
    )
    assert [one.remote.id for one in found] == [id]


def test_lines_beyond_one_answer_are_read(salesforce: AtHand) -> None:
    order = salesforce.place("Order", Status="Draft", StatusCode="Draft", AccountId=ACCOUNT_ID, TotalAmount=200.1)
    for place in range(2001):
        salesforce.place(
            "OrderItem",
            OrderId=order["Id"],
            OrderItemNumber=f"{place:010}",
            Quantity=1,
            UnitPrice=0.1,
            TotalPrice=0.1,
            Description=str(place),
        )

    mapped = salesforce.read(ORDER, order["Id"])

    assert [line.name for line in mapped.data.line_items] == [str(place) for place in range(2001)]
    assert mapped.data.totals.total == "200.10"
    assert {loss.path for loss in mapped.loss} == {"/totals/paid"}


def test_a_reduction_order_is_no_order(salesforce: AtHand) -> None:
    placed = salesforce.place("Order", OrderNumber="9", Status="Draft", IsReductionOrder=True)

    assert salesforce.listed(ORDER, ListQuery(limit=5)) == []
    with pytest.raises(Unmappable, match="reduction order"):
        salesforce.read(ORDER, placed["Id"])


def test_an_org_without_our_fields_is_understood(salesforce: AtHand) -> None:
    for name in (MARKER, "Lockstitch_Key__c"):
        salesforce.place("fields", sobject="Contact", name=name, hidden=True)
    salesforce.account = salesforce.learnt()
    assert CUSTOMER.endpoints.find_marker is not None

    id = salesforce.made(CUSTOMER, CustomerPatch(last_name="Lee"), "op_1")
    draft = CUSTOMER.to_vendor(CustomerPatch(external_id="erp-1"), None, salesforce.account)

    assert salesforce.read(CUSTOMER, id).data.last_name == "Lee"
    assert CUSTOMER.endpoints.find_marker("op_1", None, None, salesforce.account) is None
    assert [(one.kind, one.pointer) for one in draft.refused] == [("unsupported", "/external_id")]
    assert salesforce.listed(CUSTOMER, ListQuery(limit=5, filters={"external_id": "erp-1"})) == []


def test_the_limit_is_a_throttle_and_its_header_a_budget(salesforce: AtHand) -> None:
    answer = salesforce.send(VENDOR.account_requests[0])
    budget = VENDOR.budget(answer)
    salesforce.state.set("per_minute", 1)
    over = salesforce.refusal(VENDOR.account_requests[0])

    assert budget is not None
    assert budget.remaining > 1000
    assert over is not None
    assert (over.kind, over.retry_after) == ("throttled", 600.0)
