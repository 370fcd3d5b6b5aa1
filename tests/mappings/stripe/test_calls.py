"""Requests: what has an effect, what is escaped, what carries a key and a marker, how each write is settled."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch
from canonical.order_patch import LineItemPatch, OrderCancel, OrderPatch
from canonical.parts import ReferencePatch
from emulators.stripe.forms import read_body
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.spec import SeveralRecords, Unmappable
from mappings.stripe import VENDOR, bodies
from mappings.stripe.customer_r1 import CUSTOMER
from mappings.stripe.order_r1 import ORDER
from mappings.stripe.wire_writes_2026_10_28 import AddressWrite, CustomerWrite, ShippingWrite, TaxIdWrite
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import ACCOUNT, MAPPINGS, Mapping, golden

MUGS = OrderPatch(currency="EUR", line_items=(LineItemPatch(name="Mug", quantity="1", unit_price="5.00"),))
DRAFT = OrderPatch(status="draft", customer=ReferencePatch(remote_id="cus_1"))


def drafted(mapping: Mapping, patch: Any, current: Any = None) -> Any:
    """The body of a write."""
    return mapping.to_vendor(patch, current, ACCOUNT).body


def requests(remote_id: str = "cus_1", marker: str = "op_1") -> dict[str, VendorRequest]:
    """One request of each kind."""
    customers, orders = CUSTOMER.endpoints, ORDER.endpoints
    assert customers.read and customers.list and customers.create and customers.update and customers.find_marker  # noqa: PT018
    assert orders.read and orders.list and orders.create and orders.update and orders.find_marker and orders.cancel  # noqa: PT018
    customer, order = drafted(CUSTOMER, CustomerPatch(display_name="Ann")), drafted(ORDER, MUGS)
    reason = OrderCancel(reason="customer")
    return {
        "read a customer": customers.read(remote_id, ACCOUNT),
        "list customers": customers.list(ListQuery(limit=10), ACCOUNT),
        "find a customer": customers.find["email"]("ann@example.com", ACCOUNT),
        "look a customer up": customers.find_marker(marker, None, customer, ACCOUNT)
        or pytest.fail("there is no look-up"),
        "read an invoice": orders.read(f"in_{remote_id}", ACCOUNT),
        "read a checkout": orders.read(f"cs_{remote_id}", ACCOUNT),
        "list invoices": orders.list(ListQuery(limit=10), ACCOUNT),
        "list checkouts": orders.list(ListQuery(limit=10, after="sessions"), ACCOUNT),
        "look an order up": orders.find_marker(marker, None, order, ACCOUNT) or pytest.fail("there is no look-up"),
        "create a customer": customers.create(customer, marker, None, ACCOUNT),
        "update a customer": customers.update(remote_id, customer, marker, ACCOUNT),
        "create a checkout": orders.create(order, marker, None, ACCOUNT),
        "create an invoice": orders.create(drafted(ORDER, DRAFT), marker, None, ACCOUNT),
        "update an invoice": orders.update(f"in_{remote_id}", drafted(ORDER, DRAFT), marker, ACCOUNT),
        "void an invoice": orders.cancel(f"in_{remote_id}", reason, marker, ACCOUNT)[0],
        "end a checkout": orders.cancel(f"cs_{remote_id}", reason, marker, ACCOUNT)[0],
    }


def test_only_writes_have_an_effect_and_all_of_them_a_key() -> None:
    for name, request in requests().items():
        writes = name.split()[0] in ("create", "update", "void", "end")
        assert (request.effect, request.idempotent, request.method == "POST") == (writes, writes, writes), name
        assert ("Idempotency-Key" in dict(request.headers)) == writes, name
        assert (request.body is not None) == writes, name


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_ids_are_escaped_in_paths_and_never_in_routes(remote_id: str) -> None:
    for name, request in requests(remote_id).items():
        assert request.path.count("/") == request.route.count("/"), name
        assert request.path.isascii(), name
        assert not set(request.path) & set("?# %\\") - {"%"}, name
        assert "cus_1" not in request.route, name


def test_a_create_carries_its_marker_and_is_its_own_key() -> None:
    for name in ("create a customer", "create a checkout", "create an invoice"):
        request = requests(marker="op_77")[name]
        assert dict(request.headers)["Idempotency-Key"] == "op_77"
        assert request.content_type == "application/x-www-form-urlencoded"
        assert dict(parse_qsl((request.body or b"").decode()))["metadata[lockstitch_operation_id]"] == "op_77"


def test_an_update_says_other_values_under_another_key() -> None:
    keys = {
        dict(required(CUSTOMER.endpoints.update)("cus_1", drafted(CUSTOMER, patch), "op_1", ACCOUNT).headers)[
            "Idempotency-Key"
        ]
        for patch in (CustomerPatch(display_name="Ann"), CustomerPatch(display_name="Ann"), CustomerPatch(notes="x"))
    }
    assert len(keys) == 2
    assert all(key.startswith("op_1-") and len(key) <= 255 for key in keys)


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_nothing_is_archived_and_no_list_goes_by_changes(name: str) -> None:
    endpoints = MAPPINGS[name].endpoints
    assert endpoints.archive is None
    assert not endpoints.updated_since


def test_the_version_is_pinned() -> None:
    assert dict(VENDOR.headers)["Stripe-Version"] == "2026-10-28.endive"
    assert (VENDOR.default_base_url, VENDOR.auth.template) == ("https://api.stripe.com", "Bearer {key}")


def test_a_form_is_nested_in_brackets() -> None:
    body = CustomerWrite(
        name="Ann & Bo = 100 %",
        email=None,
        shipping=ShippingWrite(name="A", address=AddressWrite(city="Köln", line2=None)),
        preferred_locales=("de", "fr"),
        tax_id_data=(TaxIdWrite(type="eu_vat", value="DE1"),),
        metadata={"a key": "1", "gone": None},
    )
    assert read_body(bodies.encoded(body, "subscriptions")) == {
        "name": "Ann & Bo = 100 %",
        "email": "",
        "shipping": {"name": "A", "address": {"city": "Köln", "line2": ""}},
        "preferred_locales": ["de", "fr"],
        "tax_id_data": [{"type": "eu_vat", "value": "DE1"}],
        "metadata": {"a key": "1", "gone": ""},
        "expand": ["subscriptions"],
    }


@given(st.dictionaries(st.text("abc_", min_size=1), st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_any_text_arrives_as_it_is(metadata: dict[str, str]) -> None:
    stored: dict[str, str | None] = {**metadata}
    assert read_body(bodies.encoded(CustomerWrite(metadata=stored)))["metadata"] == metadata


def test_a_search_quotes_what_is_looked_for() -> None:
    request = required(CUSTOMER.endpoints.list)(ListQuery(limit=5, filters={"external_id": 'a"b\\c'}), ACCOUNT)
    assert dict(request.query)["query"] == 'metadata["external_id"]:"a\\"b\\\\c"'


def test_what_a_cancellation_cannot_do_is_refused() -> None:
    cancellation = OrderCancel(reason="fraud", refund=True, restock=True, notify=True, note="x")
    _, refusals = required(ORDER.endpoints.cancel)("in_1", cancellation, "op_1", ACCOUNT)
    assert [(one.pointer, one.kind) for one in refusals] == [
        ("/refund", "unsupported"),
        ("/restock", "unsupported"),
        ("/notify", "unsupported"),
        ("/note", "unsupported"),
    ]


def test_several_with_an_address_are_no_match() -> None:
    newest, oldest = msgspec.Raw(golden("customer-bare")), msgspec.Raw(golden("customer-full"))
    page = reply(msgspec.json.encode({"object": "list", "data": [newest, oldest], "has_more": False}))
    with pytest.raises(SeveralRecords):
        CUSTOMER.endpoints.record(page, ACCOUNT)
    one = reply(msgspec.json.encode({"object": "list", "data": [oldest], "has_more": False}))
    raw, _ = CUSTOMER.endpoints.record(one, ACCOUNT)
    assert CUSTOMER.decode(required(raw)).id == "cus_Qm4fadenwerk1"
    nobody = reply(b'{"object":"list","data":[],"has_more":false}')
    assert CUSTOMER.endpoints.record(nobody, ACCOUNT)[0] is None


@pytest.mark.parametrize("name", sorted(MAPPINGS))
@given(junk=st.binary(max_size=120))
def test_an_answer_that_is_none_is_drift(name: str, junk: bytes) -> None:
    endpoints = MAPPINGS[name].endpoints
    with pytest.raises(Unmappable):
        required(endpoints.write_result)(reply(junk), "create")


def test_a_stub_of_a_deleted_record_is_no_record() -> None:
    stub = reply(b'{"id":"cus_1","object":"customer","deleted":true}')
    assert CUSTOMER.endpoints.record(stub, ACCOUNT)[0] is None
    assert (
        ORDER.endpoints.record(reply(b'{"id":"cs_1","object":"checkout.session","mode":"setup"}'), ACCOUNT)[0] is None
    )
