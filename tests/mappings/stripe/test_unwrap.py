"""Stripe's own samples are mapped, or refused with a path and a reason; none of them crashes."""

from pathlib import Path

import msgspec
import pytest

from mappings.spec import Unmappable
from mappings.stripe import VENDOR

from .conftest import MAPPINGS, golden, understood

MAPPED = {
    "customer": {
        "customer/create-customer-2026.json": 1,
        "customer/customer-with-sources-and-subscription-2019.json": 1,
        "customer/get-customer-2026.json": 1,
        "customer/list-customers-page-2026.json": 3,
        "customer/openapi-fixture.json": 1,
        "event/customer.created-2020-08-27.json": 1,
        "event/customer.updated-2020-08-27.json": 1,
    },
    "order": {
        "customer/list-customers-page-2026.json": 0,
        "event/checkout.session.completed-2020-08-27.json": 1,
        "event/invoice.created-2020-08-27.json": 1,
        "event/invoice.finalized.json": 1,
        "event/invoice.paid-2020-08-27.json": 1,
        "invoice/finalize-invoice-2026.json": 1,
        "invoice/get-invoice-draft-2026.json": 1,
        "invoice/invoice-2019-10.json": 1,
        "invoice/openapi-fixture.json": 1,
        "invoice/pay-invoice-2026.json": 1,
    },
}


@pytest.mark.parametrize("name", sorted(MAPPED))
def test_every_sample_maps_or_says_why_not(shared: Path, name: str) -> None:
    folder = shared / "vendor-samples" / "stripe"
    files = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*.json"))}
    assert set(MAPPED[name]) <= set(files)
    for sample, file in files.items():
        if sample in MAPPED[name]:
            assert len(understood(file.read_bytes(), MAPPINGS[name])) == MAPPED[name][sample]
            continue
        with pytest.raises(Unmappable) as refusal:
            understood(file.read_bytes(), MAPPINGS[name])
        assert refusal.value.path.startswith("$")
        assert refusal.value.reason


def test_the_subscriptions_of_a_recorded_customer_are_read(shared: Path) -> None:
    sample = "customer/customer-with-sources-and-subscription-2019.json"
    (mapped,) = understood((shared / "vendor-samples/stripe" / sample).read_bytes(), MAPPINGS["customer"])
    assert [one.status for one in mapped.data.subscriptions] == ["active", "active"]
    assert [one.plan for one in mapped.data.subscriptions] == ["New plan name", "New plan name"]


@pytest.mark.parametrize(
    ("payload", "name", "path"),
    [
        (b'{"error":{"type":"api_error"}}', "customer", "$.error"),
        (b'{"id":"cus_1","object":"customer","deleted":true}', "customer", "$.deleted"),
        (b'{"object":"invoice","currency":"eur","lines":{"data":[]}}', "order", "$.id"),
        (b'{"id":"ch_1","object":"charge"}', "order", "$.object"),
        (
            b'{"id":"evt_1","object":"event","data":{"object":{"id":"ch_1","object":"charge"}}}',
            "order",
            "$.data.object.object",
        ),
        (b'{"id":"evt_1","object":"event","data":{}}', "customer", "$.data.object"),
        (b'{"id":"cus_1","object":"customer"}', "ticket", "$"),
        (b"[]", "customer", "$"),
        (b"\xff", "customer", "$"),
    ],
)
def test_what_holds_no_record_is_refused_with_its_place(payload: bytes, name: str, path: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(payload, name)  # type: ignore[arg-type]
    assert refusal.value.path == path


def test_a_list_of_one_kind_holds_none_of_another() -> None:
    page = msgspec.json.encode({"object": "list", "data": [msgspec.Raw(golden("customer-full"))], "has_more": False})
    assert len(VENDOR.unwrap(page, "customer")) == 1
    assert VENDOR.unwrap(page, "order") == ()
