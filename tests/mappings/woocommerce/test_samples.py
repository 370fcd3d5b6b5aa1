"""Against WooCommerce's own material, where it is at hand: every body is understood, or refused with the place."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.spec import Unmappable
from mappings.woocommerce import VENDOR
from tests.shared_material import sample_names

from .conftest import ACCOUNT, MAPPINGS

# What lies in the folder and holds no record of the object, and where that shows.
REFUSED = {
    "error/docs-error-0.json": "$.message",
    "error/gift-card-invalid.json": "$.message",
    "order/order-statuses-report.json": "$[0].id",
    "refund/docs-create-refund.json": "$.currency",
    "refund/refund-single.json": "$.currency",
    "refund/refunds-list.json": "$[0].currency",
    "webhook_subscription/docs-retrieve-webhook.json": "$.currency",
}
# Gift cards, bundles and an edited sample: the shop's own figures, which do not add up.
AMBIGUOUS = {
    "order/fluxc-wc-fetch-order-response-success.json",
    "order/order-2018.json",
    "order/order-with-attribution-2023.json",
    "order/order-with-bundled-items.json",
    "order/orders-list-without-wrapper.json",
}


@pytest.mark.parametrize("name", sample_names("woocommerce"))
def test_a_body_of_woocommerces_is_understood_or_refused_with_the_place(name: str, shared: Path) -> None:
    payload = (shared / "vendor-samples/woocommerce" / name).read_bytes()
    mapping = MAPPINGS["customer" if name.startswith("customer/") else "order"]
    if name in REFUSED:
        with pytest.raises(Unmappable) as refusal:
            VENDOR.unwrap(payload, mapping.object)
        assert refusal.value.path == REFUSED[name]
        return

    mapped = [mapping.read(raw, ACCOUNT) for raw in VENDOR.unwrap(payload, mapping.object)]

    assert mapped
    assert all(one.remote.id.isdecimal() for one in mapped)
    assert any(loss.kind == "ambiguous" for one in mapped for loss in one.loss) == (name in AMBIGUOUS)


@pytest.mark.parametrize(
    ("payload", "object_name", "path"),
    [
        (b'{"id": 7}', "order", "$.currency"),  # the body of order.deleted
        (b'{"id": 7}', "customer", "$.email"),
        (b'{"order": {"id": 7}}', "order", "$.order"),
        (b"<html></html>", "order", "$"),
        (b"webhook_id=7", "order", "$"),
        (b"[7]", "order", "$[0]"),
        (b'{"id": 7, "currency": "EUR", "line_items": []}', "customer", "$.email"),
        (b'{"id": 7, "email": "a@example.com"}', "ticket", "$"),
        (b'{"data": [{"id": 7}]}', "order", "$.data[0].currency"),
    ],
)
def test_what_is_no_record_is_refused_with_the_place(payload: bytes, object_name: str, path: str) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(payload, object_name)  # type: ignore[arg-type]
    assert refusal.value.path == path


def test_jetpacks_tunnel_puts_records_under_data() -> None:
    assert len(VENDOR.unwrap(b'{"data": [{"id": 1, "email": "a@example.com"}]}', "customer")) == 1


@given(payload=st.binary() | st.text().map(str.encode))
def test_no_junk_breaks_the_search_for_records(payload: bytes) -> None:
    for mapping in MAPPINGS.values():
        with suppress(Unmappable):
            assert isinstance(VENDOR.unwrap(payload, mapping.object), tuple)
