"""Products of a new order are found by SKU, with one look-up, where the vendor's lines name them by id."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators, Vendor
from tests.contract.own_facade import own_facade
from tests.contract.portability import furnish
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, all_vendors

SHOP = "/v1/orders?connection=woocommerce"
CRM = "/v1/orders?connection=salesforce"

running_facade, full_key = own_facade(all_vendors)


def sale(mark: str, *skus: str) -> Body:
    """An order of these products."""
    lines = [{"name": f"Mug {mark}", "sku": sku, "quantity": "2", "unit_price": "19.90"} for sku in skus]
    return {"currency": "EUR", "customer": {"email": f"{mark}@example.com"}, "line_items": lines}


def calls_before(vendors: Emulators, vendor: Vendor, calls_so_far: int, create: str) -> list[str]:
    """The paths of the calls before the creating one."""
    paths = [f"{call['method']} {call['path'].rpartition('/')[2]}" for call in vendors.calls(vendor)[calls_so_far:]]
    return paths[: paths.index(create)]


def test_products_are_named_by_id_and_other_lines_stay_lines(caller: Caller, vendors: Emulators) -> None:
    caller.create(SHOP, sale(word(), "MUG"))  # account facts are known now
    calls_so_far = len(vendors.calls("woocommerce"))
    mark = word()

    made = caller.create(SHOP, sale(mark, "MUG", "scarf-blue", f"NEW-{mark}", "MUG"))

    assert calls_before(vendors, "woocommerce", calls_so_far, "POST orders") == ["GET products"]
    assert [(one["sku"], one["quantity"]) for one in made["line_items"]] == [
        *(("MUG", "2"), ("SCARF-BLUE", "2"), (f"NEW-{mark}", "2"), ("MUG", "2"))
    ]
    assert (made["fees"], made["totals"]["fees"], made["totals"]["total"]) == ([], "0.00", "159.20")
    assert [(one["path"], one["kind"]) for one in made["meta"]["loss"] if "line_items" in one["path"]] == [
        ("/line_items/1/sku", "coerced"),  # it is SCARF-BLUE there
        ("/line_items/2", "coerced"),
    ]
    (order_record,) = vendors.records("woocommerce", "orders", holding=f"NEW-{mark}")
    assert [one["variation_id"] for one in order_record["line_items"]] == [0, 13, 0]
    assert order_record["fee_lines"][0]["name"] == f"2 x Mug {mark} (NEW-{mark})"


def test_a_variant_of_shopify_is_named_by_id_and_another_line_is_free_text(caller: Caller, vendors: Emulators) -> None:
    path, mark = "/v1/orders?connection=shopify", word()
    for sku in (f"A-{mark}", f"A-{mark}-XL"):
        vendors.place("shopify", "ProductVariant", {"sku": sku})
    caller.create(path, sale(word(), "NEW"))
    calls_so_far = len(vendors.calls("shopify"))

    made = caller.create(path, sale(mark, f"A-{mark}", f"NEW-{mark}"))

    first, second = made["line_items"]
    variant = next(one for one in vendors.records("shopify", "ProductVariant") if one["sku"] == f"A-{mark}")
    (order_record,) = vendors.records("shopify", "Order", holding=f"NEW-{mark}")
    assert str(variant["id"]) in str(order_record)
    assert (first["sku"], second["sku"]) == (f"A-{mark}", f"NEW-{mark}")
    # The look-up and the create, whose reply has all of the order.
    assert len(vendors.calls("shopify")) - calls_so_far == 2


def test_an_unknown_product_without_a_price_is_refused_with_what_to_send(caller: Caller) -> None:
    line = {"sku": f"NEW-{word()}", "quantity": "1"}
    answer = expect(caller.write("POST", SHOP, sale(word()) | {"line_items": [line]}), 422, "invalid-field")
    assert pointers(answer) == ["/line_items/0"]
    assert "unit_price" in answer.json()["detail"]


def test_two_products_with_one_sku_are_ambiguous(caller: Caller, vendors: Emulators) -> None:
    sku = f"TWICE-{word()}"
    ids = [vendors.place("woocommerce", "products", {"name": "Mug", "sku": sku, "price": "5"})["id"] for _ in range(2)]
    before = len(vendors.records("woocommerce", "orders"))

    answer = expect(caller.write("POST", SHOP, sale(word(), sku)), 409, "ambiguous-match").json()
    assert sorted(one["remote_id"] for one in answer["candidates"]) == sorted(map(str, ids))
    assert len(vendors.records("woocommerce", "orders")) == before


def test_a_buyer_and_products_are_found_at_salesforce_with_one_query_each(caller: Caller, vendors: Emulators) -> None:
    first, mark = word(), word()
    for body in (sale(first, f"A-{first}"), sale(mark, f"A-{mark}", f"B-{mark}")):
        furnish(vendors, body)
    caller.create(CRM, sale(first, f"A-{first}"))
    calls_so_far = len(vendors.calls("salesforce"))

    made = caller.create(CRM, sale(mark, f"A-{mark}", f"B-{mark}"))

    assert calls_before(vendors, "salesforce", calls_so_far, "POST composite") == ["GET query", "GET query"]
    assert made["customer"]["email"] == f"{mark}@example.com"
    assert sorted(one["sku"] for one in made["line_items"]) == [f"A-{mark}", f"B-{mark}"]


@pytest.mark.parametrize(
    ("lacks", "named", "advice"),
    [
        ("account", "vendor-rejected", "give the contact one"),
        ("buyer", "/customer", "account"),
        ("product", "/line_items/0", "sku"),
    ],
)
def test_what_salesforce_lacks_is_said_with_what_to_send(
    caller: Caller, vendors: Emulators, lacks: str, named: str, advice: str
) -> None:
    mark = word()
    body: dict[str, Any] = sale(mark, f"A-{mark}")
    if lacks == "product":
        furnish(vendors, body | {"line_items": []})
    elif lacks == "buyer":
        furnish(vendors, body | {"customer": None})
    else:
        furnish(vendors, body | {"customer": None})
        vendors.place("salesforce", "Contact", {"LastName": "Lee", "Email": f"{mark}@example.com"})

    answer = expect(caller.write("POST", CRM, body), 422).json()
    assert named in str(answer)
    assert advice in answer["detail"]
    assert len(vendors.records("salesforce", "Contact", holding=mark)) == (0 if lacks == "buyer" else 1)


@pytest.mark.parametrize("connection", ["salesforce", "stripe"])
def test_two_customers_with_one_address_change_nothing(caller: Caller, vendors: Emulators, connection: Vendor) -> None:
    mark = word()
    email = f"{mark}@example.com"
    held_as, record = (
        ("Contact", {"LastName": "Lee", "Email": email})
        if connection == "salesforce"
        else ("customers", {"name": "Ann Lee", "email": email})
    )
    for _ in range(2):
        vendors.place(connection, held_as, record)
    upsert = {"display_name": "Ann", "emails": [{"address": email}]}
    draft = {"status": "draft"} if connection == "stripe" else {}

    upserted = caller.write("POST", f"/v1/customers?connection={connection}&upsert_on=email", upsert)
    ordered = caller.write("POST", f"/v1/orders?connection={connection}", sale(mark, "THR-BLUE") | draft)

    for answer in (upserted, ordered):
        assert code_of(answer, 409) == "ambiguous-match"
        assert len(answer.json()["candidates"]) == 2
    assert len(vendors.records(connection, held_as, holding=email)) == 2


def test_a_draft_invoice_gets_the_customer_that_it_needs(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = {"currency": "EUR", "status": "draft", "customer": {"email": f"{mark}@example.com", "name": "Ann Lee"}}
    made = caller.create("/v1/orders?connection=stripe", body)
    (customer_record,) = vendors.records("stripe", "customers", holding=mark)
    assert made["customer"]["remote_id"] == customer_record["id"]


def test_lines_that_say_more_than_the_record_holds_are_no_change(caller: Caller) -> None:
    sample, mark = SAMPLES["salesforce order"], word()
    path = f"{sample.collection()}&upsert_on=external_id"
    body = sample.body(mark) | {"external_id": mark}
    (line,) = body["line_items"]

    def sent(**more: object) -> dict[str, Any]:
        return {"external_id": mark, "currency": "EUR", "line_items": [{**line, **more}]}

    caller.create(path, body)
    again = expect(caller.write("POST", path, sent(taxable=True))).json()
    assert "/line_items/0/taxable" in [lost["path"] for lost in again["meta"]["loss"]]
    strict = caller.write("POST", f"{path}&loss=none", sent(taxable=True))
    assert "/line_items/0/taxable" in pointers(strict)
    assert pointers(caller.write("POST", path, sent(taxable=True, quantity="3"))) == ["/line_items"]
