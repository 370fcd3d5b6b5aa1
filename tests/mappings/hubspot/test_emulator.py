"""The mapping against the emulator of HubSpot: every call is understood there, and every answer here."""

import time
from typing import Any

import msgspec

from canonical.customer import Customer, CustomerPatch, EmailPatch
from canonical.order import Order
from canonical.order_patch import OrderPatch
from canonical.parts import CustomFieldSetting, ObjectName, ReferencePatch
from canonical.ticket import Ticket, TicketPatch, TicketStatus
from emulators.hubspot import EMULATOR
from emulators.hubspot.emulator import DEV_TOKEN
from mappings.endpoints import ListQuery
from mappings.hubspot import VENDOR
from mappings.hubspot.customer_r1 import CUSTOMER
from mappings.hubspot.order_r1 import ORDER
from mappings.hubspot.ticket_r1 import TICKET
from mappings.hubspot.wire_v3 import Account, RecordWrite
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount
from tests.required import required

CUSTOM: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (CustomFieldSetting(key="role", vendor_field="hs_buying_role", type="multi_enum"),)
}


class EmulatedHubSpot(EmulatedAccount[Account]):
    """An account prepared as a connection's is."""

    def __init__(self) -> None:
        super().__init__(VENDOR, EMULATOR, {"authorization": f"Bearer {DEV_TOKEN}"}, now=time.time())
        self.state.set("search_lag", 0.0)
        for request in VENDOR.setup:
            assert self.refusal(request) is None
        self.account = self.learnt(CUSTOM)


hubspot = opened(EmulatedHubSpot)
"""A fresh account."""


def ann(**more: Any) -> CustomerPatch:
    """A customer to write."""
    fields: dict[str, Any] = {
        "first_name": "Ann",
        "last_name": "Lee",
        "emails": (EmailPatch(address="ann.lee@example.com"),),
        "lifecycle_stage": "lead",
        "language": "de-CH",
        "timezone": "Europe/Zurich",
        "external_id": "erp/1",
    }
    return CustomerPatch(**fields | more)


def test_a_customer_is_created_changed_and_archived(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    customer: Customer = hubspot.read(CUSTOMER, id).data
    assert (customer.display_name, customer.language, customer.timezone) == ("Ann Lee", "de-CH", "Europe/Zurich")
    assert (customer.emails[0].address, customer.external_id) == ("ann.lee@example.com", "erp/1")

    hubspot.changed(CUSTOMER, id, CustomerPatch(first_name=None, lifecycle_stage="customer"))
    customer = hubspot.read(CUSTOMER, id).data
    assert (customer.display_name, customer.lifecycle_stage, customer.language) == ("Lee", "customer", "de-CH")

    hubspot.must(required(CUSTOMER.endpoints.archive)(id, hubspot.account))
    gone = required(hubspot.refusal(required(CUSTOMER.endpoints.read)(id, hubspot.account)))
    assert gone.kind == "not_found"


def test_a_lost_create_is_found_by_its_marker_and_not_made_twice(hubspot: EmulatedHubSpot) -> None:
    look = required(required(CUSTOMER.endpoints.find_marker)("op_1", None, None, hubspot.account))
    before = required(hubspot.refusal(look))
    assert before.kind == "not_found"

    nameless = ann(emails=msgspec.UNSET, external_id=msgspec.UNSET)
    id = hubspot.made(CUSTOMER, nameless, "op_1").remote.id
    again = required(hubspot.refusal(hubspot.create(CUSTOMER, nameless, "op_1")))

    assert required(CUSTOMER.endpoints.marked)(hubspot.must(look), "op_1") == id
    assert (again.kind, again.existing_remote_id) == ("duplicate", id)


def test_a_taken_address_names_who_has_it(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    taken = required(hubspot.refusal(hubspot.create(CUSTOMER, ann(external_id="erp/2"), "op_2")))

    assert (taken.kind, taken.existing_remote_id) == ("duplicate", id)


def test_unique_keys_find_one_or_none(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    find = CUSTOMER.endpoints.find

    def id_of(key: Any, value: str) -> str | None:
        raw, account = CUSTOMER.endpoints.record(hubspot.must(find[key](value, hubspot.account)), hubspot.account)
        return None if raw is None else CUSTOMER.read(raw, account).remote.id

    assert id_of("email", "ann.lee@example.com") == id_of("external_id", "erp/1") == id
    assert id_of("email", "bo@example.com") is None
    assert id_of("external_id", "erp/2") is None


def test_customers_are_listed_in_all_ways(hubspot: EmulatedHubSpot) -> None:
    ids = {
        hubspot.made(
            CUSTOMER,
            ann(emails=(EmailPatch(address=f"ann{place}@example.com"),), external_id=str(place)),
            f"op_{place}",
        ).remote.id
        for place in range(7)
    }
    start = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])

    for query in (ListQuery(limit=3), ListQuery(limit=3, updated_since=start)):
        listed = [one.remote.id for one in hubspot.listed(CUSTOMER, query)]
        assert len(listed) == len(ids)
        assert set(listed) == ids
    (one,) = hubspot.listed(CUSTOMER, ListQuery(limit=3, filters={"email": "ann3@example.com"}))
    assert one.data.external_id == "3"
    assert hubspot.listed(CUSTOMER, ListQuery(limit=3, filters={"external_id": "none"})) == []


def test_custom_fields_are_stored(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    patch = msgspec.convert({"custom_fields": [{"key": "role", "value": ["CHAMPION", "OTHER"]}]}, CustomerPatch)

    hubspot.changed(CUSTOMER, id, patch)

    assert [field.value for field in hubspot.read(CUSTOMER, id).data.custom_fields] == [["CHAMPION", "OTHER"]]


def test_a_ticket_is_created_for_a_contact_and_closed(hubspot: EmulatedHubSpot) -> None:
    contact = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    patch = TicketPatch(
        subject="Seam came apart",
        description="After two days.",
        priority="high",
        type="problem",
        channel="email",
        requester=ReferencePatch(remote_id=contact),
        external_id="case-77",
    )
    id = hubspot.made(TICKET, patch, "op_2").remote.id
    ticket: Ticket = hubspot.read(TICKET, id).data
    assert (ticket.status, ticket.status_label, ticket.priority, ticket.type) == ("new", "New", "high", "problem")
    assert ticket.requester is not None
    assert (ticket.requester.remote_id, ticket.requester.name) == (contact, "Ann Lee")
    assert (ticket.channel, ticket.requester.email) == ("email", "ann.lee@example.com")

    hubspot.changed(TICKET, id, TicketPatch(status="closed", requester=ReferencePatch(remote_id=contact)))
    ticket = hubspot.read(TICKET, id).data
    assert (ticket.status, ticket.status_category, ticket.subject) == ("closed", "done", "Seam came apart")


def test_tickets_are_listed_with_their_requesters(hubspot: EmulatedHubSpot) -> None:
    contact = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    for place in range(5):
        requester = ReferencePatch(remote_id=contact) if place % 2 else None
        status: TicketStatus = "closed" if place == 4 else "waiting_on_customer"
        hubspot.made(TICKET, TicketPatch(subject=str(place), status=status, requester=requester), f"op_t{place}")
    start = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])
    expected = {"0": None, "1": "Ann Lee", "2": None, "3": "Ann Lee", "4": None}

    for query in (ListQuery(limit=2), ListQuery(limit=2, updated_since=start)):
        listed = hubspot.listed(TICKET, query)
        people = {one.data.subject: one.data.requester.name if one.data.requester else None for one in listed}
        assert people == expected
        assert len(listed) == 5
    waiting = hubspot.listed(TICKET, ListQuery(limit=2, filters={"status": "waiting_on_customer"}))
    assert [one.data.subject for one in waiting] == ["0", "1", "2", "3"]
    (one,) = hubspot.listed(TICKET, ListQuery(limit=2, filters={"number": waiting[1].remote.id}))
    assert one.data.requester.email == "ann.lee@example.com"


def test_a_pipeline_of_the_accounts_own_is_understood(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(TICKET, TicketPatch(subject="Parcel"), "op_1").remote.id
    moved = RecordWrite(properties={"hs_pipeline": "75304820", "hs_pipeline_stage": "144402864"})
    hubspot.must(required(TICKET.endpoints.update)(id, moved, "op_2", hubspot.account))

    ticket: Ticket = hubspot.read(TICKET, id).data

    assert (ticket.status, ticket.status_label, ticket.status_raw) == ("closed", "Rejected", "144402864")


def sale(place: int = 1, /, **more: Any) -> OrderPatch:
    """A shop order to write."""
    lines = [
        {"name": "Thread, blue", "sku": "THREAD-B", "quantity": "2", "unit_price": "10.50", "tax": "1.62"},
        {"name": "Needles", "quantity": "1", "unit_price": "23.00", "tax": "1.65"},
    ]
    fields = {"number": f"#{place}", "external_id": f"web-{place}", "currency": "CHF", "line_items": lines}
    return msgspec.convert(fields | more, OrderPatch)


def test_a_shop_order_is_created_with_its_lines_and_buyer(hubspot: EmulatedHubSpot) -> None:
    contact = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    address = {"name": "Ann Lee", "line1": "Nadelgasse 7", "city": "Basel", "country_code": "CH"}

    made = hubspot.made(
        ORDER,
        sale(customer={"remote_id": contact, "email": "ann.lee@example.com"}, shipping_address=address),
        "op_2",
    )

    order: Order = made.data
    assert [(one.name, one.sku, one.quantity, one.total) for one in order.line_items] == [
        ("Thread, blue", "THREAD-B", "2", "21.00"),
        ("Needles", None, "1", "23.00"),
    ]
    assert (order.totals.items, order.totals.tax, order.totals.total) == ("44.00", "3.27", "47.27")
    assert (order.status, order.number, order.external_id, order.tax_inclusive) == ("open", "#1", "web-1", False)
    assert order.customer is not None
    assert (order.customer.remote_id, order.customer.email) == (contact, "ann.lee@example.com")
    assert made.loss == ()

    hubspot.changed(ORDER, made.remote.id, OrderPatch(status="cancelled", fulfillment_status="returned"))
    order = hubspot.read(ORDER, made.remote.id).data
    assert (order.status, order.fulfillment_status, len(order.line_items)) == ("cancelled", "returned", 2)


def test_a_repeated_create_makes_no_line_twice(hubspot: EmulatedHubSpot) -> None:
    first = hubspot.create(ORDER, sale(), "op_1")
    again = hubspot.create(ORDER, sale(), "op_1")
    assert first.body == again.body

    id = hubspot.made(ORDER, sale(), "op_1").remote.id

    assert len(hubspot.state.all("line_items")) == 2
    look = required(required(ORDER.endpoints.find_marker)("op_1", None, None, hubspot.account))
    assert required(ORDER.endpoints.marked)(hubspot.must(look), "op_1") == id
    twice = required(hubspot.refusal(again))
    assert twice.kind == "duplicate"


def test_a_line_that_is_refused_leaves_no_other_line(hubspot: EmulatedHubSpot) -> None:
    draft = ORDER.to_vendor(sale(), None, hubspot.account)
    broken = msgspec.structs.replace(
        draft.body, line_items=(*draft.body.line_items, {"name": "Odd", "quantity": "plenty"})
    )
    request = required(required(ORDER.endpoints.parts)(broken, "op_1", hubspot.account))

    refusal = required(hubspot.refusal(request))

    assert refusal.kind == "rejected"
    assert hubspot.state.all("line_items") == []
    assert hubspot.state.all("orders") == []


def test_two_orders_never_share_the_key_of_the_shop(hubspot: EmulatedHubSpot) -> None:
    id = hubspot.made(ORDER, sale(), "op_1").remote.id
    taken = required(hubspot.refusal(hubspot.create(ORDER, sale(), "op_2")))
    assert (taken.kind, taken.existing_remote_id) == ("duplicate", id)

    find = ORDER.endpoints.find["external_id"]
    raw, account = ORDER.endpoints.record(hubspot.must(find("web-1", hubspot.account)), hubspot.account)
    assert ORDER.read(required(raw), account).remote.id == id
    assert ORDER.endpoints.record(hubspot.must(find("web-2", hubspot.account)), hubspot.account)[0] is None


def test_orders_are_listed_with_their_lines_and_buyers(hubspot: EmulatedHubSpot) -> None:
    contact = hubspot.made(CUSTOMER, ann(), "op_1").remote.id
    for place in range(5):
        more: dict[str, Any] = {"customer": {"remote_id": contact}} if place % 2 else {"line_items": []}
        hubspot.made(ORDER, sale(place, **more), f"op_o{place}")
    start = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])
    expected = {"#0": (None, 0), "#1": (contact, 2), "#2": (None, 0), "#3": (contact, 2), "#4": (None, 0)}

    for query in (ListQuery(limit=2), ListQuery(limit=2, updated_since=start)):
        listed = [one.data for one in hubspot.listed(ORDER, query)]
        assert len(listed) == 5
        assert {
            one.number: (one.customer.remote_id if one.customer else None, len(one.line_items)) for one in listed
        } == expected
    (one,) = hubspot.listed(ORDER, ListQuery(limit=2, filters={"external_id": "web-3"}))
    assert (one.data.number, len(one.data.line_items), one.data.is_guest) == ("#3", 2, False)
    assert hubspot.listed(ORDER, ListQuery(limit=2, filters={"external_id": "none"})) == []
    assert hubspot.listed(ORDER, ListQuery(limit=2, filters={"external_id": "web-3", "number": "#4"})) == []


def test_a_listed_record_is_the_one_that_a_read_shows(hubspot: EmulatedHubSpot) -> None:
    lines = [{"name": f"Needle {place}", "quantity": "1", "unit_price": "1.00"} for place in range(30)]
    for place in range(8):
        contact = hubspot.made(
            CUSTOMER,
            ann(emails=(EmailPatch(address=f"ann{place}@example.com"),), external_id=f"erp-{place}"),
            f"op_c{place}",
        ).remote.id
        hubspot.made(
            TICKET, TicketPatch(subject=str(place), requester=ReferencePatch(remote_id=contact)), f"op_t{place}"
        )
        hubspot.made(ORDER, sale(place, customer={"remote_id": contact}, line_items=lines), f"op_o{place}")
    start = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])
    for query in (ListQuery(limit=8), ListQuery(limit=8, updated_since=start)):
        for mapping in (CUSTOMER, TICKET, ORDER):
            assert len(hubspot.listed_as_read(mapping, query)) == 8


def test_orders_are_found_by_number_and_address(hubspot: EmulatedHubSpot) -> None:
    for place, address in enumerate(("ann@example.com", "bo@example.com", "ann@example.com")):
        hubspot.made(ORDER, sale(place, customer={"email": address}), f"op_{place}")
    start = msgspec.convert("2020-01-01T00:00:00Z", type=ListQuery.__annotations__["updated_since"])

    def numbers(**filters: str) -> set[str]:
        listed = hubspot.listed(ORDER, ListQuery(limit=1, filters=filters, updated_since=start))
        assert listed == hubspot.listed(ORDER, ListQuery(limit=1, filters=filters))
        return {one.data.number for one in listed}

    assert numbers(number="#1") == {"#1"}
    assert numbers(email="ann@example.com") == {"#0", "#2"}
    assert numbers(email="ann@example.com", number="#2") == {"#2"}
    assert numbers(email="ann@example.com", number="#1") == set()


def test_an_order_read_back_whole_changes_nothing(hubspot: EmulatedHubSpot) -> None:
    parts = {"discounts": [{"code": "FADEN", "amount": "4"}], "shipping_lines": [{"title": "Post", "price": "7"}]}
    patch = sale(payment_status="paid", status="on_hold", billing_address={"line1": "Gasse 1"}, **parts)
    id = hubspot.made(ORDER, patch, "op_1").remote.id
    raw, account = hubspot.raw(ORDER, id)

    draft = ORDER.to_vendor(patch, ORDER.decode(raw), account)

    assert (draft.refused, draft.body.properties) == ((), {})
