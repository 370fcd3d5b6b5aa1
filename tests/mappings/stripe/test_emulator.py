"""The mapping against the emulator of Stripe: created, changed, listed, cancelled; a lost create is made once."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.customer import CustomerPatch, EmailPatch, PhonePatch, TaxIdPatch
from canonical.order_patch import LineItemPatch, OrderCancel, OrderPatch
from canonical.parts import AddressPatch, CustomFieldPatch, ReferencePatch
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.spec import Mapped
from mappings.stripe import VENDOR
from mappings.stripe.customer_r1 import CUSTOMER
from mappings.stripe.order_r1 import ORDER
from tests.required import required

from .conftest import ACCOUNT, EmulatedStripe, Mapping

ANN = CustomerPatch(
    display_name="Ann Lee",
    company_name="Lee Ceramics Ltd",
    kind="organization",
    emails=(EmailPatch(address="ann.lee@example.com"),),
    phones=(PhonePatch(e164="+441174960123"),),
    addresses=(
        AddressPatch(type="billing", line1="12 Harbour Street", city="Bristol", country_code="GB"),
        AddressPatch(type="shipping", name="Ann Lee", line1="1 Quay", city="Bristol", country_code="GB"),
    ),
    language="en-GB",
    notes="Prefers a call",
    external_id="erp-1",
    tax_ids=(TaxIdPatch(type="gb_vat", value="GB123456789"),),
    tax_exemption="exempt",
    custom_fields=(CustomFieldPatch(key="tier", value="gold"),),
)
MUGS = OrderPatch(
    currency="EUR",
    line_items=(LineItemPatch(name="Mug", quantity="2", unit_price="19.90"),),
    external_id="web-1",
    custom_fields=(CustomFieldPatch(key="thanks_page", value="https://shop.example/thanks"),),
)


def listed(stripe: EmulatedStripe, mapping: Mapping, query: ListQuery) -> list[Mapped[Any]]:
    """All pages."""
    records: list[Mapped[Any]] = []
    for _ in range(50):
        answer = stripe.must(required(mapping.endpoints.list)(query, ACCOUNT))
        page = required(mapping.endpoints.page)(answer, query, ACCOUNT)
        records += [mapping.read(raw, ACCOUNT) for raw in page.records]
        if page.next is None:
            return records
        query = msgspec.structs.replace(query, after=page.next)
    raise AssertionError("the list does not end")


def test_a_customer_is_made_whole(stripe: EmulatedStripe) -> None:
    made = stripe.made(CUSTOMER, ANN, "op_1")
    data = made.data
    assert made.loss == ()
    assert (data.display_name, data.company_name, data.kind) == ("Ann Lee", "Lee Ceramics Ltd", "organization")
    assert [(one.type, one.line1, one.is_default) for one in data.addresses] == [
        ("billing", "12 Harbour Street", True),
        ("shipping", "1 Quay", False),
    ]
    assert (data.emails[0].address, data.phones[0].e164) == ("ann.lee@example.com", "+441174960123")
    assert (data.language, data.notes, data.external_id, data.tax_exemption) == (
        "en-GB",
        "Prefers a call",
        "erp-1",
        "exempt",
    )
    assert [(one.type, one.value, one.country_code) for one in data.tax_ids] == [("gb_vat", "GB123456789", "GB")]
    assert {one.key: one.value for one in data.custom_fields if one.value is not None} == {"tier": "gold"}


def test_a_change_changes_one_thing_and_null_clears(stripe: EmulatedStripe) -> None:
    made = stripe.made(CUSTOMER, ANN, "op_1")
    changed = stripe.changed(CUSTOMER, made.remote.id, CustomerPatch(display_name="Ann Bell"), "op_2")
    assert changed.data == msgspec.structs.replace(made.data, display_name="Ann Bell")
    nothing = CustomerPatch(
        phones=None, addresses=None, notes=None, external_id=None, language=None, emails=(), custom_fields=()
    )
    cleared = stripe.changed(CUSTOMER, made.remote.id, nothing, "op_3").data
    assert (cleared.phones, cleared.addresses, cleared.notes, cleared.external_id) == ((), (), None, None)
    assert (cleared.language, cleared.emails) == (None, ())
    assert all(one.value is None for one in cleared.custom_fields)
    kept = required(stripe.state.get("customers", made.remote.id))
    assert kept["metadata"] == {"lockstitch_operation_id": "op_1"}


def test_what_is_billed_again_and_again_is_read_with_its_customer(stripe: EmulatedStripe) -> None:
    made = stripe.made(CUSTOMER, ANN, "op_1")
    subscription = {
        "customer": made.remote.id,
        "status": "past_due",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "items": {"object": "list", "data": [{"id": "si_1", "current_period_end": 1792592000}]},
    }
    stripe.place("subscriptions", **subscription)
    stripe.place("subscriptions", **subscription | {"status": "canceled"})
    assert [one.status for one in stripe.read(CUSTOMER, made.remote.id).data.subscriptions] == ["past_due"]


def test_a_deleted_customer_is_not_there(stripe: EmulatedStripe) -> None:
    made = stripe.made(CUSTOMER, ANN, "op_1")
    request = required(CUSTOMER.endpoints.read)(made.remote.id, ACCOUNT)
    stripe.must(msgspec.structs.replace(request, method="DELETE", query=()))
    assert CUSTOMER.endpoints.record(stripe.must(request), ACCOUNT)[0] is None
    assert listed(stripe, CUSTOMER, ListQuery(limit=10)) == []


def test_lists_show_every_customer_once_newest_first(stripe: EmulatedStripe) -> None:
    for number in range(7):
        stripe.made(CUSTOMER, CustomerPatch(display_name=f"Customer {number}"), f"op_{number}")
    names = [one.data.display_name for one in listed(stripe, CUSTOMER, ListQuery(limit=3))]
    assert names == [f"Customer {number}" for number in reversed(range(7))]


def test_a_list_by_address_is_exact_and_does_not_lag(stripe: EmulatedStripe) -> None:
    stripe.state.set("search_lag", 3600)
    made = stripe.made(CUSTOMER, ANN, "op_1")
    stripe.made(CUSTOMER, CustomerPatch(emails=(EmailPatch(address="bo@example.com"),)), "op_2")
    records = listed(stripe, CUSTOMER, ListQuery(limit=10, filters={"email": "Ann.Lee@example.com"}))
    assert [one.remote.id for one in records] == [made.remote.id]


def test_a_list_by_our_key_lags_behind_writes(stripe: EmulatedStripe) -> None:
    stripe.state.set("search_lag", 60)
    made = stripe.made(CUSTOMER, ANN, "op_1")
    query = ListQuery(limit=10, filters={"external_id": "erp-1"})
    assert listed(stripe, CUSTOMER, query) == []
    stripe.now += 61
    assert [one.remote.id for one in listed(stripe, CUSTOMER, query)] == [made.remote.id]
    assert listed(stripe, CUSTOMER, ListQuery(limit=10, filters={"external_id": "ERP-1"})) == []


@pytest.mark.parametrize(
    ("mapping", "patch", "object"), [(CUSTOMER, ANN, "customers"), (ORDER, MUGS, "checkout_sessions")]
)
def test_a_lost_create_is_answered_again_and_not_done_twice(
    stripe: EmulatedStripe, mapping: Mapping, patch: Any, object: str
) -> None:
    assert mapping.endpoints.create is not None
    request = mapping.endpoints.create(mapping.to_vendor(patch, None, ACCOUNT).body, "op_1", None, ACCOUNT)
    first = stripe.must(request)  # the reply that is lost
    second = stripe.must(mapping.endpoints.create(mapping.to_vendor(patch, None, ACCOUNT).body, "op_1", None, ACCOUNT))
    assert second.headers["idempotent-replayed"] == "true"
    assert second.body == first.body
    assert stripe.state.count(object) == 1


@pytest.mark.parametrize(
    ("mapping", "patch"),
    [
        (CUSTOMER, ANN),
        (ORDER, MUGS),
        (ORDER, OrderPatch(status="draft", customer=ReferencePatch(remote_id="cus_known"))),
    ],
)
def test_a_lost_create_is_found_while_the_search_knows_nothing_of_it(
    stripe: EmulatedStripe, mapping: Mapping, patch: Any
) -> None:
    """Stripe's lists do not lag, and Stripe has its search not in every country."""
    stripe.state.set("search_lag", 3600)
    stripe.place("customers", id="cus_known")
    endpoints = mapping.endpoints
    body = mapping.to_vendor(patch, None, ACCOUNT).body
    made = stripe.made(mapping, patch, "op_1")
    lookup = required(required(endpoints.find_marker)("op_1", None, body, ACCOUNT))
    assert required(endpoints.marked)(stripe.must(lookup), "op_1") == made.remote.id


@pytest.mark.parametrize(
    ("mapping", "patch"),
    [
        (CUSTOMER, ANN),
        (CUSTOMER, CustomerPatch(display_name="Bo")),
        (ORDER, MUGS),
        (ORDER, OrderPatch(status="draft", customer=ReferencePatch(remote_id="cus_known"))),
    ],
)
def test_after_the_key_s_life_a_lost_create_is_found_by_its_marker(
    stripe: EmulatedStripe, mapping: Mapping, patch: Any
) -> None:
    stripe.place("customers", id="cus_known")
    endpoints = mapping.endpoints
    assert endpoints.marked is not None
    body = mapping.to_vendor(patch, None, ACCOUNT).body
    lookup = required(required(endpoints.find_marker)("op_1", None, body, ACCOUNT))
    assert endpoints.marked(stripe.must(lookup), "op_1") is None

    made = required(endpoints.write_result)(
        stripe.must(required(endpoints.create)(body, "op_1", None, ACCOUNT)), "create"
    )
    stripe.now += 25 * 3600

    assert endpoints.marked(stripe.must(lookup), "op_1") == made.remote_id
    assert endpoints.marked(stripe.must(lookup), "op_2") is None


def test_a_reused_key_with_another_body_counts_as_done(stripe: EmulatedStripe) -> None:
    stripe.made(CUSTOMER, ANN, "op_1")
    other = CUSTOMER.to_vendor(CustomerPatch(display_name="Bo"), None, ACCOUNT).body
    refusal = required(VENDOR.refusal(stripe.send(required(CUSTOMER.endpoints.create)(other, "op_1", None, ACCOUNT))))
    assert (refusal.kind, refusal.code) == ("duplicate", "idempotency_error")


def test_an_order_is_a_checkout_that_can_be_ended(stripe: EmulatedStripe) -> None:
    made = stripe.made(ORDER, MUGS, "op_1")
    data = made.data
    assert (data.source_kind, data.status, data.payment_status, data.is_guest) == (
        "checkout_session",
        "open",
        "unpaid",
        True,
    )
    assert (data.totals.total, data.external_id, data.is_test) == ("39.80", "web-1", True)
    changed = stripe.changed(ORDER, made.remote.id, OrderPatch(external_id="web-2"))
    assert changed.data.external_id == "web-2"
    assert _cancelled(stripe, made.remote.id).data.status == "cancelled"
    assert _refused_to_cancel(stripe, made.remote.id) == "rejected"


def test_a_draft_becomes_an_invoice_with_lines_that_is_paid(stripe: EmulatedStripe) -> None:
    customer = stripe.made(CUSTOMER, ANN, "op_1")
    patch = OrderPatch(status="draft", currency="EUR", customer=ReferencePatch(remote_id=customer.remote.id))
    draft = stripe.made(ORDER, patch, "op_2")
    assert (draft.data.status, draft.data.payment_status, draft.data.totals.total) == ("draft", "unpaid", "0.00")
    remote_id = draft.remote.id
    fields = {"unit_amount_decimal": "1990", "quantity": "3", "description": "Mug"}
    stripe.post("/v1/invoiceitems", customer=customer.remote.id, invoice=remote_id, currency="eur", **fields)
    changed = stripe.changed(ORDER, remote_id, OrderPatch(number="A-7", external_id="web-7"))
    assert (changed.data.number, changed.data.totals.total, changed.loss) == ("A-7", "59.70", ())
    stripe.post(f"/v1/invoices/{remote_id}/finalize")
    assert stripe.read(ORDER, remote_id).data.status == "open"
    stripe.post(f"/v1/invoices/{remote_id}/pay")

    paid = stripe.read(ORDER, remote_id).data
    assert (paid.status, paid.payment_status, paid.totals.outstanding) == ("completed", "paid", "0.00")
    assert [(one.status, one.amount) for one in paid.payments] == [("succeeded", "59.70")]
    assert paid.customer is not None
    assert (paid.customer.remote_id, paid.customer.name) == (customer.remote.id, "Ann Lee")
    assert _refused_to_cancel(stripe, remote_id) == "rejected"


def test_an_open_invoice_is_voided(stripe: EmulatedStripe) -> None:
    customer = stripe.place("customers")
    amounts = {"total": 500, "subtotal": 500, "amount_due": 500, "amount_remaining": 500}
    record = {"customer": customer["id"], "status": "open", "currency": "eur", **amounts}
    invoice = stripe.place("invoices", **record)
    voided = _cancelled(stripe, invoice["id"])
    assert (voided.data.status, voided.data.payment_status) == ("cancelled", "voided")
    assert voided.data.cancelled_at is not None


def test_a_list_shows_invoices_and_then_checkouts_each_once(stripe: EmulatedStripe) -> None:
    customer = stripe.made(CUSTOMER, ANN, "op_0")
    who = ReferencePatch(remote_id=customer.remote.id)
    for number in range(5):
        stripe.made(ORDER, OrderPatch(status="draft", customer=who), f"op_i{number}")
        stripe.made(ORDER, MUGS, f"op_s{number}")
    stripe.place("checkout_sessions", mode="setup")
    kinds = [one.data.source_kind for one in listed(stripe, ORDER, ListQuery(limit=2))]
    assert kinds == ["invoice"] * 5 + ["checkout_session"] * 5
    drafts = listed(stripe, ORDER, ListQuery(limit=2, filters={"status": "draft"}))
    assert [one.data.source_kind for one in drafts] == ["invoice"] * 5
    opened = listed(stripe, ORDER, ListQuery(limit=2, filters={"status": "open"}))
    assert [one.data.source_kind for one in opened] == ["checkout_session"] * 5
    assert listed(stripe, ORDER, ListQuery(limit=2, filters={"status": "on_hold"})) == []


def hinted_since(stripe: EmulatedStripe, mapping: Mapping, since: float) -> list[str]:
    """The ids of all pages of hints."""
    ids: list[str] = []
    after: str | None = None
    for _ in range(9):
        request = required(mapping.endpoints.hints)(datetime.fromtimestamp(since, UTC), after)
        assert sum(name == "types[]" for name, _ in request.query) <= 20, "Stripe takes no more"
        page = required(mapping.endpoints.hinted)(stripe.must(request))
        ids += page.remote_ids
        if page.next is None:
            return ids
        after = page.next
    raise AssertionError("the hints do not end")


def test_events_hint_at_what_changed(stripe: EmulatedStripe) -> None:
    _, changed, gone = (stripe.made(CUSTOMER, ANN, f"op_{place}").remote.id for place in range(3))
    stripe.now += 60
    since = stripe.now
    stripe.changed(CUSTOMER, changed, CustomerPatch(last_name="Poe"))
    _delete(stripe, f"/v1/customers/{gone}")
    new = [stripe.made(CUSTOMER, ANN, f"op_n{place}").remote.id for place in range(120)]
    who = ReferencePatch(remote_id=new[0])
    draft = stripe.made(ORDER, OrderPatch(status="draft", customer=who), "op_i").remote.id
    deleted = stripe.made(ORDER, OrderPatch(status="draft", customer=who), "op_d").remote.id
    _delete(stripe, f"/v1/invoices/{deleted}")
    ended = stripe.made(ORDER, MUGS, "op_s").remote.id
    _cancelled(stripe, ended)

    assert sorted(hinted_since(stripe, CUSTOMER, since)) == sorted([changed, gone, *new])
    assert sorted(hinted_since(stripe, ORDER, since)) == sorted([draft, deleted, ended])
    assert hinted_since(stripe, CUSTOMER, stripe.now + 60) == []


def test_a_listed_order_is_the_one_that_a_read_shows(stripe: EmulatedStripe) -> None:
    lines = tuple(LineItemPatch(name=f"Mug {place}", quantity="2", unit_price="19.90") for place in range(12))
    for number in range(25):
        stripe.must(stripe.create(ORDER, msgspec.structs.replace(MUGS, line_items=lines), f"op_{number}"))
    assert len(stripe.listed_as_read(ORDER, ListQuery(limit=100))) == 25
    assert len(stripe.read(ORDER, stripe.listed(ORDER, ListQuery(limit=1))[0].remote.id).data.line_items) == 12


def _delete(stripe: EmulatedStripe, path: str) -> None:
    stripe.must(VendorRequest(method="DELETE", path=path, route=path))


def _cancelled(stripe: EmulatedStripe, remote_id: str) -> Mapped[Any]:
    request, refused = required(ORDER.endpoints.cancel)(remote_id, OrderCancel(reason="customer"), "op_c", ACCOUNT)
    assert refused == ()
    result = required(ORDER.endpoints.write_result)(stripe.must(request), "cancel")
    return ORDER.read(required(result.record), ACCOUNT)


def _refused_to_cancel(stripe: EmulatedStripe, remote_id: str) -> str:
    request, _ = required(ORDER.endpoints.cancel)(remote_id, OrderCancel(reason="customer"), "op_again", ACCOUNT)
    refusal = required(VENDOR.refusal(stripe.send(request)))
    return refusal.kind
