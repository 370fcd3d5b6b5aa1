"""What becomes of an order that is a draft, or that was sent already, at a system that keeps such orders otherwise."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, pointers
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.portable_orders import order
from tests.contract.samples import Body, word
from tests.contract.stored_orders import READ, Vault
from tests.contract.vendor_samples import started

running_facade, full_key = own_facade(started)


def made_at(caller: Caller, source: str, **fields: Any) -> Body:
    """An order of the source, as it is read there."""
    made = caller.create(f"/v1/orders?connection={source}", order(word(), **fields))
    record: Body = caller.get(f"/v1/orders/{made['id']}?connection={source}").json()
    return record


@pytest.mark.parametrize("target", ["shopify", "stripe", "woocommerce"])
def test_a_draft_is_refused_with_its_way_out(caller: Caller, vendors: Emulators, target: str) -> None:
    draft = made_at(caller, "salesforce", status="draft", discounts=[{"amount": "1.00"}])
    path = f"/v1/orders?connection={target}"
    for answer in (
        caller.write("POST", path, draft),
        caller.write("POST", f"/v1/orders/{draft['id']}/copies?connection=salesforce", {"connection": target}),
    ):
        assert (code_of(answer, 422), pointers(answer)) == ("unsupported-field", ["/status"])
        assert "place the order at its source first, or send status open" in answer.json()["detail"]

    placed = [caller.create(path, draft | {"status": "open"}), caller.create(f"{path}&loss=any", draft)]
    for one in placed:
        assert one["status"] == "open"
        stored = READ[target](Vault(vendors.url, target), one["meta"]["remote_id"])
        assert f"{stored.total:.2f}" == draft["totals"]["total"] == "38.80"


def test_a_draft_that_was_placed_is_copied(caller: Caller) -> None:
    draft = made_at(caller, "salesforce", status="draft")
    path = f"/v1/orders/{draft['id']}/copies?connection=salesforce"
    assert caller.write("POST", path, {"connection": "woocommerce"}).status_code == 422
    placed = caller.write("PATCH", f"/v1/orders/{draft['id']}?connection=salesforce", {"status": "open"})
    assert placed.status_code == 200, placed.text
    copied = caller.write("POST", path, {"connection": "woocommerce"})
    assert (copied.status_code, copied.json()["status"]) == (201, "open"), copied.text


def test_an_order_that_was_sent_is_copied_to_shopify_as_sent(caller: Caller) -> None:
    sent = made_at(caller, "woocommerce", status="completed", payment_status="paid", fulfillment_status="fulfilled")
    copied = caller.write("POST", f"/v1/orders/{sent['id']}/copies?connection=woocommerce", {"connection": "shopify"})
    assert copied.status_code == 201, copied.text
    read = caller.get(f"/v1/orders/{sent['id']}?connection=shopify").json()
    assert (read["fulfillment_status"], read["payment_status"]) == ("fulfilled", "paid")
