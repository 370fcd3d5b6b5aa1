"""An order that its target already has: sent once more, it arrives as it is and changes nothing."""

from decimal import Decimal
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators, Vendor, writes
from tests.contract.own_facade import own_facade
from tests.contract.portable_orders import RICH, STREET, Make, addressed, line, order
from tests.contract.samples import Body, word
from tests.contract.stored_orders import READ, Vault
from tests.contract.vendor_samples import SAMPLES, started

SOURCES: Final = ("hubspot", "shopify", "stripe")
MATCHING: Final = ("hubspot", "salesforce", "shopify")
"""The vendors that find an order by the caller's own key."""
SPRING: Final = {"discounts": [{"code": "SPRING", "amount": "5.00"}]}
ORDERS: Final[dict[str, Make]] = {
    "discount and fee": lambda mark: order(mark, fees=[{"name": "Cash on delivery", "amount": "2.50"}], **SPRING),
    "discount and tip": lambda mark: order(mark, totals={"tip": "4.00"}, **SPRING),
    "taxed shipping": RICH["taxed shipping"],
    "guest": lambda mark: order(mark, is_guest=True, internal_note="Ring twice.", **addressed(mark)),
    "everything": RICH["everything"],
}

running_facade, full_key = own_facade(started)


def made_at(caller: Caller, source: str, name: str) -> Body:
    """An order of the source, as it is read there."""
    mark = word()
    body = ORDERS[name](mark) | {"external_id": f"key-{mark}"}
    made = caller.create(f"/v1/orders?connection={source}&loss=any", body)
    return caller.get(f"/v1/orders/{made['id']}?connection={source}").json()


def folded(answer: Body) -> set[tuple[str, str]]:
    """What went into another field, and where."""
    return {(one["path"], one["place"]) for one in answer["meta"]["loss"] if one["kind"] == "folded"}


def copy(caller: Caller, record: Body, target: str, **more: str) -> httpx.Response:
    """Copy an order that was read."""
    path = f"/v1/orders/{record['id']}/copies?connection={record['meta']['connection']}"
    return caller.write("POST", path, {"connection": target, **more})


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("source", SOURCES)
def test_an_order_matched_by_its_key_is_upserted_and_copied_again(
    caller: Caller, vendors: Emulators, source: str, name: str
) -> None:
    record = made_at(caller, source, name)
    for target in MATCHING:
        if target == source:
            continue
        upsert = f"/v1/orders?connection={target}&upsert_on=external_id"
        first = caller.create(upsert, record)
        vault = Vault(vendors.url, target)
        stored = READ[target](vault, first["meta"]["remote_id"])
        answers = [caller.write("POST", upsert, record)]
        answers += [copy(caller, record, target, match_on="external_id") for _ in range(2)]

        for answer in answers:
            assert answer.status_code == 200, (target, answer.text)
            assert answer.json()["meta"]["remote_id"] == first["meta"]["remote_id"]
            assert answer.json()["internal_note"] == first["internal_note"]
            assert "is replaced" not in str(answer.json()["meta"]["loss"])
        assert READ[target](vault, first["meta"]["remote_id"]) == stored
        assert folded(answers[0].json()) == folded(first)


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("source", SOURCES)
def test_an_order_that_was_copied_is_copied_again(caller: Caller, vendors: Emulators, source: str, name: str) -> None:
    """Also from another system that has a copy of it."""
    record = made_at(caller, source, name)
    earlier: Body = {}
    for target in READ:
        if target == source:
            continue
        first = copy(caller, record, target)
        assert first.status_code == 201, (target, first.text)
        stored = READ[target](Vault(vendors.url, target), first.json()["meta"]["remote_id"])
        copies = [copy(caller, one, target) for one in (record, earlier) if one]
        again = earlier = copies[0].json()

        assert [one.status_code for one in copies] == [200] * len(copies), (target, copies[-1].text)
        losses = [loss for one in copies for loss in one.json()["meta"]["loss"]]
        assert [loss for loss in losses if loss["path"] == "/tax_inclusive" and "not cleared" in loss["detail"]] == []
        assert READ[target](Vault(vendors.url, target), again["meta"]["remote_id"]) == stored
        back = copy(caller, again, source)
        assert back.status_code == 200, (target, back.text)
        read = caller.get(f"/v1/orders/{record['id']}?connection={source}").json()
        assert [name for name in record if name != "meta" and read[name] != record[name]] == [], target


@pytest.mark.parametrize("target", ["hubspot", "shopify"])
def test_a_negative_line_is_reported_again_where_it_went(caller: Caller, target: str) -> None:
    mark = word()
    mug = line("Mug", "1", "12.34", taxable=True, product={"name": "Mug, blue", "sku": f"none-{mark}"})
    lines = [line("Voucher", "2", "-1.00"), mug]
    body = {"currency": "EUR", "external_id": f"key-{mark}", "line_items": lines, "discounts": [{"amount": "0.34"}]}
    path = f"/v1/orders?connection={target}&upsert_on=external_id&loss=any"
    first, second = (caller.write("POST", path, body).json() for _ in range(2))
    assert folded(first) == folded(second) == {("/line_items/0", "/discounts/0")}
    reported = [{tuple(one["path"].split("/")[:4]) for one in answer["meta"]["loss"]} for answer in (first, second)]
    of_lines = [{one for one in paths if "line_items" in one} for paths in reported]
    assert of_lines[0] == of_lines[1]


def priced(mark: str, cup: str, bowl: str, **more: Any) -> Body:
    """An order of a cup and a bowl at these prices, with a discount and a fee."""
    fees = [{"name": "Cash on delivery", "amount": "2.50"}]
    return order(mark, line("Cup", "1", cup), line("Bowl", "1", bowl), fees=fees, **SPRING) | more


@pytest.mark.parametrize("target", MATCHING)
def test_an_upsert_with_other_prices_of_equal_sum_is_refused(caller: Caller, vendors: Emulators, target: str) -> None:
    mark, path = word(), f"/v1/orders?connection={target}&upsert_on=external_id"
    key = {"external_id": f"key-{mark}"}
    made = caller.create(path, priced(mark, "10.00", "20.00", **key))
    stored = READ[target](Vault(vendors.url, target), made["meta"]["remote_id"])
    assert caller.write("POST", path, priced(mark, "10.00", "20.00", **key)).status_code == 200

    for cup, bowl in (("20.00", "10.00"), ("15.00", "15.00"), ("10.01", "19.99")):
        answer = caller.write("POST", path, priced(mark, cup, bowl, **key))
        assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text
    assert READ[target](Vault(vendors.url, target), made["meta"]["remote_id"]) == stored


@pytest.mark.parametrize(("off", "post"), [("3.00", "4.90"), ("5.00", "6.90")])
def test_other_charges_of_equal_sum_are_announced_as_lost(caller: Caller, off: str, post: str) -> None:
    def body(code: str, off: str, title: str, post: str) -> Body:
        discounts, shipping = [{"code": code, "amount": off}], [{"title": title, "price": post}]
        return order(mark, external_id=f"key-{mark}", discounts=discounts, shipping_lines=shipping)

    mark, path = word(), "/v1/orders?connection=shopify&upsert_on=external_id"
    caller.create(path, body("SPRING", "5.00", "Post", "6.90"))
    answer = expect(caller.write("POST", path, body("SUMMER", off, "Courier", post))).json()
    assert answer["totals"]["shipping"] == "6.90"
    assert {"/discounts", "/shipping_lines"} <= {one["path"] for one in answer["meta"]["loss"]}


def charged(mark: str, fee: str, title: str, post: str, **more: Any) -> Body:
    """An order of two mugs with a fee and shipping."""
    fees, shipping = [{"name": "Packing", "amount": fee}], [{"title": title, "price": post}]
    return order(mark, external_id=f"key-{mark}", fees=fees, shipping_lines=shipping) | more


@pytest.mark.parametrize(("fee", "title", "post"), [("0.00", "Post", "6.50"), ("1.50", "Courier", "5.00")])
def test_charges_that_are_lines_of_the_vendor_are_compared(caller: Caller, fee: str, title: str, post: str) -> None:
    mark, path = word(), "/v1/orders?connection=salesforce&upsert_on=external_id"
    caller.create(path, charged(mark, "1.50", "Post", "5.00"))
    assert caller.write("POST", path, charged(mark, "1.50", "Post", "5.00")).status_code == 200
    answer = caller.write("POST", path, charged(mark, fee, title, post))

    assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text
    assert "/fees, /shipping_lines" in answer.json()["errors"][0]["detail"]
    accepted = expect(caller.write("POST", f"{path}&loss=any", charged(mark, fee, title, post))).json()
    assert {"/fees", "/shipping_lines"} <= {one["path"] for one in accepted["meta"]["loss"]}


@pytest.mark.parametrize("target", ["hubspot", "salesforce"])
def test_a_line_is_not_taken_for_a_fee_of_its_price(caller: Caller, target: str) -> None:
    mark, path = word(), f"/v1/orders?connection={target}&upsert_on=external_id"
    key: Body = {"external_id": f"key-{mark}"}
    mug, fees = line("Mug", "1", "9.00"), [{"name": "Packing", "amount": "7.00"}]
    caller.create(path, order(mark, mug, line("Plate", "1", "7.00"), **key))
    answer = caller.write("POST", path, order(mark, mug, fees=fees, **key))

    assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text


@pytest.mark.parametrize("target", ["hubspot", "shopify"])
def test_an_upsert_with_taxes_on_other_lines_is_refused(caller: Caller, target: str) -> None:
    def body(cup: str, bowl: str) -> Body:
        lines = line("Cup", "1", "10.00", tax=cup), line("Bowl", "1", "20.00", tax=bowl)
        fees = [{"name": "Cash on delivery", "amount": "2.50"}]
        return order(mark, *lines, external_id=f"key-{mark}", fees=fees, tax_inclusive=False)

    mark, path = word(), f"/v1/orders?connection={target}&upsert_on=external_id"
    caller.create(path, body("1.90", "3.80"))
    assert caller.write("POST", path, body("1.90", "3.80")).status_code == 200
    answer = caller.write("POST", path, body("3.80", "1.90"))

    assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text


def test_hubspot_writes_another_discount_of_an_order_with_a_fee(caller: Caller, vendors: Emulators) -> None:
    mark, path = word(), "/v1/orders?connection=hubspot&upsert_on=external_id"
    key = {"external_id": f"key-{mark}"}
    made = caller.create(path, priced(mark, "10.00", "20.00", **key))
    less = {"discounts": [{"code": "SPRING", "amount": "3.00"}]}
    answer = expect(caller.write("POST", path, priced(mark, "10.00", "20.00", **key, **less))).json()
    assert answer["totals"]["discount"] == "3.00"
    assert READ["hubspot"](Vault(vendors.url, "hubspot"), made["meta"]["remote_id"]).total == Decimal("29.50")


@pytest.mark.parametrize("target", [one for one in READ if one != "hubspot"])
def test_a_copy_of_other_charges_of_equal_sum_says_what_differs(caller: Caller, target: str) -> None:
    def charges(off: str, post: str) -> Body:
        return {"discounts": [{"code": "SPRING", "amount": off}], "shipping_lines": [{"price": post}]}

    made = caller.create("/v1/orders?connection=hubspot", order(word(), **charges("5.00", "6.90")))
    record = caller.get(f"/v1/orders/{made['id']}?connection=hubspot").json()
    assert copy(caller, record, target).status_code == 201
    expect(caller.write("PATCH", f"/v1/orders/{made['id']}?connection=hubspot", charges("3.00", "4.90")))
    answer = expect(copy(caller, record, target)).json()
    assert {"/discounts", "/shipping_lines"} <= {one["path"] for one in answer["meta"]["loss"]}


@pytest.mark.parametrize("target", [one for one in READ if one != "hubspot"])
def test_a_copy_of_other_prices_of_equal_sum_is_refused(caller: Caller, vendors: Emulators, target: str) -> None:
    made = caller.create("/v1/orders?connection=hubspot", priced(word(), "10.00", "20.00"))
    record = caller.get(f"/v1/orders/{made['id']}?connection=hubspot").json()
    assert copy(caller, record, target).status_code == 201
    with Vault(vendors.url, "hubspot") as vault:
        for one, price in zip(record["line_items"], ("20.00", "10.00"), strict=False):
            path = f"/crm/v3/objects/line_items/{one['remote_id']}"
            assert vault.patch(path, json={"properties": {"price": price}}).status_code == 200
    assert caller.get(f"/v1/orders/{made['id']}?connection=hubspot").json()["line_items"][0]["unit_price"] == "20.00"
    answer = copy(caller, record, target)

    assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text


def test_a_copy_of_another_tax_and_discount_of_equal_sum_is_refused(caller: Caller, vendors: Emulators) -> None:
    body = order(word(), line("Mug", "2", "19.90", tax="7.56"), tax_inclusive=False, **SPRING)
    made = caller.create("/v1/orders?connection=hubspot", body)
    record = caller.get(f"/v1/orders/{made['id']}?connection=hubspot").json()
    assert copy(caller, record, "woocommerce").status_code == 201
    with Vault(vendors.url, "hubspot") as vault:
        for path, properties in (
            (f"line_items/{record['line_items'][0]['remote_id']}", {"tax": "5.56"}),
            (f"orders/{made['meta']['remote_id']}", {"hs_tax": "5.56", "hs_order_discount": "3.00"}),
        ):
            assert vault.patch(f"/crm/v3/objects/{path}", json={"properties": properties}).status_code == 200
    assert copy(caller, made, "shopify").json()["totals"]["discount"] == "3.00"
    answer = copy(caller, record, "woocommerce")

    assert (answer.status_code, pointers(answer)) == (422, ["/line_items"]), answer.text


@pytest.mark.parametrize("target", ["shopify", "woocommerce"])
def test_a_copy_of_an_order_whose_money_was_returned_in_part_says_so(
    caller: Caller, vendors: Emulators, target: Vendor
) -> None:
    made = caller.create("/v1/orders?connection=hubspot", order(word(), payment_status="paid"))
    expect(copy(caller, made, target), 201)
    returned = {"payment_status": "partially_refunded"}
    assert caller.write("PATCH", f"/v1/orders/{made['id']}?connection=hubspot", returned).status_code == 200
    before = len([one for one in vendors.calls(target) if _is_write(one)])
    answer = expect(copy(caller, made, target)).json()
    assert ("/payment_status", "coerced") in [(one["path"], one["kind"]) for one in answer["meta"]["loss"]]
    assert len([one for one in vendors.calls(target) if _is_write(one)]) == before


def _is_write(call: Body) -> bool:
    return call["method"] != "GET" and not (call["body"] or {}).get("query", "").startswith("query")


@pytest.mark.parametrize("target", READ)
def test_an_order_with_a_line_of_nothing_is_sent_as_it_was_read(
    caller: Caller, vendors: Emulators, target: str
) -> None:
    made = caller.create(
        "/v1/orders?connection=hubspot", order(word(), line("Mug", "2", "19.90"), line("Cup", "1", "0.00"))
    )
    cup = made["line_items"][1]["remote_id"]
    with Vault(vendors.url, "hubspot") as vault:
        changed = vault.patch(f"/crm/v3/objects/line_items/{cup}", json={"properties": {"quantity": "0"}})
    assert changed.status_code == 200
    record = caller.get(f"/v1/orders/{made['id']}?connection=hubspot").json()
    assert [one["quantity"] for one in record["line_items"]] == ["2", "0"]
    if target == "hubspot":
        answer = expect(caller.write("PATCH", f"/v1/orders/{made['id']}?connection=hubspot", record))
    elif target == "woocommerce":
        answer = copy(caller, record, target)
        assert [one["quantity"] for one in answer.json()["line_items"]] == ["2", "0"]
    else:
        answer = copy(caller, record, target)
        assert (answer.status_code, pointers(answer)) == (422, ["/line_items/1"])
        assert "leave this line out" in answer.json()["detail"]
        path = f"/v1/orders/{made['id']}/copies?connection=hubspot&loss=any"
        copied = caller.create(path, {"connection": target})
        assert [one["quantity"] for one in copied["line_items"]] == ["2"]
        assert copied["totals"]["total"] == record["totals"]["total"]
        assert ("/line_items/1", "dropped") in {(one["path"], one["kind"]) for one in copied["meta"]["loss"]}
        assert copy(caller, record, target).status_code == 200


@pytest.mark.parametrize("target", ["shopify", "stripe"])
def test_an_order_of_nothing_alone_is_refused_before_it_is_sent(
    caller: Caller, vendors: Emulators, target: Vendor
) -> None:
    before = writes(vendors, target)
    body = order(word(), line("Mug", "0", "19.90"), shipping_lines=[{"title": "Post", "price": "4.90"}])
    answer = caller.write("POST", f"/v1/orders?connection={target}&loss=any", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-field"), answer.text
    assert "/line_items" in pointers(answer)
    assert writes(vendors, target) == before


@pytest.mark.parametrize("by_copy", [True, False])
def test_a_company_that_hubspot_cannot_store_survives_a_change_from_there(caller: Caller, *, by_copy: bool) -> None:
    billing = {
        "name": "Ada Lee",
        "company": "Lee Ceramics",
        "line1": "12 Quay",
        "city": "Bristol",
        "country_code": "GB",
    }
    body = SAMPLES["woocommerce order"].body(word()) | {"billing_address": billing}
    made = caller.create("/v1/orders?connection=woocommerce", body)
    assert copy(caller, made, "hubspot").status_code == 201
    there, here = (f"/v1/orders/{made['id']}?connection={connection}" for connection in ("hubspot", "woocommerce"))
    for floor in ("2nd floor", "3rd floor"):
        moved = caller.write("PATCH", there, {"billing_address": billing | {"line2": floor}})
        assert moved.json()["billing_address"]["company"] is None
        read = caller.get(there).json()
        changed = {name: read[name] for name in ("billing_address", "meta")}
        back = copy(caller, read, "woocommerce") if by_copy else caller.write("PATCH", here, changed)
        assert back.status_code == 200, back.text
        kept = caller.get(here).json()["billing_address"]
        assert (kept["line2"], kept["company"], kept["name"]) == (floor, "Lee Ceramics", "Ada Lee")


@pytest.mark.parametrize("by_copy", [True, False])
def test_another_recipient_keeps_no_number_of_the_former(caller: Caller, *, by_copy: bool) -> None:
    billing = addressed(word())["billing_address"] | {"phone": "+4930901820"}
    made = caller.create("/v1/orders?connection=woocommerce", order(word(), billing_address=billing))
    assert copy(caller, made, "hubspot").status_code == 201
    there, here = (f"/v1/orders/{made['id']}?connection={connection}" for connection in ("hubspot", "woocommerce"))
    cleared = {"billing_address": None, "customer": None}
    assert caller.write("PATCH", there, cleared).status_code == 200
    assert caller.write("PATCH", there, {"billing_address": {**STREET, "name": "Eve Moss"}}).status_code == 200
    read = caller.get(there).json()
    changed = {name: read[name] for name in ("billing_address", "meta")}
    back = copy(caller, read, "woocommerce") if by_copy else caller.write("PATCH", here, changed)
    assert back.status_code == 200, back.text
    stored = caller.get(here).json()["billing_address"]
    assert (stored["name"], stored["company"], stored["phone"]) == ("Eve Moss", None, None)


@pytest.mark.parametrize("target", ["hubspot", "shopify"])
def test_a_charge_that_is_sent_empty_and_stays_is_announced(caller: Caller, target: str) -> None:
    body = order(word(), shipping_lines=[{"title": "Post", "price": "4.90"}], external_id=f"key-{word()}")
    made = caller.create(f"/v1/orders?connection={target}&loss=any", body)
    path, upsert = (
        f"/v1/orders/{made['id']}?connection={target}",
        f"/v1/orders?connection={target}&upsert_on=external_id",
    )
    free = body | {"shipping_lines": []}
    foreign = {"meta": {"connection": "stripe"}}
    refused = caller.write("PATCH", path, free | foreign)
    assert (refused.status_code, pointers(refused)) == (422, ["/totals/total"]), refused.text
    again = caller.write("POST", upsert, free)
    assert (again.status_code, again.json()["totals"]["total"]) == (200, "44.70"), again.text
    part = caller.write("PATCH", path, {"shipping_lines": []} | foreign)
    assert (part.status_code, part.json()["totals"]["total"]) == (200, "44.70")
    strict = caller.write("PATCH", f"{path}&loss=none", {"shipping_lines": []} | foreign)
    assert (strict.status_code, pointers(strict)) == (422, ["/shipping_lines"]), strict.text
    kept = caller.write("PATCH", f"{path}&loss=any", free | foreign)
    for answer in (part, kept, again):
        assert "/shipping_lines" in {one["path"] for one in answer.json()["meta"]["loss"] if one["kind"] == "dropped"}


def test_a_change_of_an_order_that_hubspot_cannot_show_is_drift(caller: Caller, vendors: Emulators) -> None:
    unreadable = {"properties": {"hs_order_name": word(), "hs_tax": "many"}}
    path = f"/v1/orders/hubspot:{vendors.place('hubspot', 'orders', unreadable)['id']}"
    assert code_of(caller.write("PATCH", path, {"internal_note": word()}), 502) == "vendor-drift"


def test_an_order_that_cannot_be_shown_is_changed_also_with_an_empty_charge(caller: Caller, vendors: Emulators) -> None:
    note = word()
    path = f"/v1/orders/woocommerce:{vendors.place('woocommerce', 'orders', {'total': 'many'})['id']}"
    assert code_of(caller.get(path), 502) == "vendor-drift"
    body = {"shipping_lines": [], "customer_note": note, "meta": {"connection": "stripe"}}
    answer = caller.write("PATCH", path, body, headers={"prefer": "wait=2"})
    assert (answer.status_code, len(vendors.records("woocommerce", "orders", holding=note))) == (202, 1), answer.text
