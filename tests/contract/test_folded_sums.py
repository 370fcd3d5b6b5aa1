"""What Stripe and Salesforce hold of an order adds up to what was sent, by their own stored records."""

from decimal import Decimal

import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.portability import furnish
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import all_vendors

SHIPPING = {"title": "Parcel", "price": "4.90"}
BODIES: dict[str, tuple[Body, str]] = {
    "plain": ({}, "39.80"),
    "discount": ({"discounts": [{"code": "SPRING", "amount": "19.80"}]}, "20.00"),
    "discounts": ({"discounts": [{"label": "A", "amount": "0.01"}, {"amount": "3.33"}]}, "36.46"),
    "shipping": ({"shipping_lines": [SHIPPING, {"title": "Island", "price": "7.00"}]}, "51.70"),
    "added tax": ({"tax": "7.56", "tax_inclusive": False}, "47.36"),
    "unsaid tax": ({"tax": "7.56"}, "47.36"),
    "included tax": ({"tax": "6.35", "tax_inclusive": True}, "39.80"),
    "tax on shipping": ({"shipping_lines": [{**SHIPPING, "tax": "0.93"}], "tax_inclusive": False}, "45.63"),
    "fee": ({"fees": [{"name": "Cash on delivery", "amount": "3.00", "tax": "0.57"}]}, "43.37"),
    "tip": ({"totals": {"tip": "5.00"}}, "44.80"),
    "free": ({"discounts": [{"amount": "39.80"}]}, "0.00"),
    "free shipping": ({"discounts": [{"amount": "40.80"}], "shipping_lines": [SHIPPING]}, "3.90"),
    "thirds": ({"discounts": [{"amount": "1.00"}], "quantity": "3", "unit_price": "3.33"}, "8.99"),
    "all": (
        {
            "discounts": [{"code": "A", "amount": "10.01"}],
            "shipping_lines": [{**SHIPPING, "tax": "0.93"}, {"price": "2.00"}],
            "fees": [{"name": "Gift wrap", "amount": "2.50"}],
            "totals": {"tip": "1.00"},
            "tax": "7.56",
            "tax_inclusive": False,
        },
        "48.68",
    ),
}


ORGS = """
[connections.crm]
vendor = "salesforce"
base_url = "{url}/salesforce"
credentials = {{ token = "env:LOCKSTITCH_DEV_SALESFORCE_TOKEN" }}
default_account = "Web customers"
default_product = "OTHER"

[connections.maker]
vendor = "salesforce"
base_url = "{url}/salesforce"
credentials = {{ token = "env:LOCKSTITCH_DEV_SALESFORCE_TOKEN" }}
create_accounts = true
create_products = true
"""

# Salesforce has two more connections.
running_facade, full_key = own_facade(all_vendors, connections=ORGS)


def order(mark: str, more: Body) -> Body:
    """An order of one line. Members of a line in `more` are those of the line."""
    of_line = {name: more[name] for name in ("tax", "quantity", "unit_price") if name in more}
    line = {"name": f"Mug {mark}", "sku": f"MUG-{mark}", "quantity": "2", "unit_price": "19.90"} | of_line
    rest = {name: value for name, value in more.items() if name not in of_line}
    return {"currency": "EUR", "customer": {"email": f"{mark}@example.com"}, "line_items": [line]} | rest


def sum_at_stripe(vendors: Emulators, id: str) -> str:
    """What a checkout adds up to by its stored lines, coupon and shipping."""
    (session,) = [one for one in vendors.records("stripe", "checkout_sessions") if one["id"] == id]
    total = sum(Decimal(line["price"]["unit_amount_decimal"]) * line["quantity"] for line in session["_lines"])
    for one in session["discounts"]:
        (coupon,) = [other for other in vendors.records("stripe", "coupons") if other["id"] == one["coupon"]]
        assert (coupon["duration"], coupon["max_redemptions"], coupon["currency"]) == ("once", 1, "eur")
        total -= coupon["amount_off"]
    total += sum(one["shipping_amount"] for one in session["shipping_options"])
    assert total == session["amount_total"]
    return f"{total / 100:.2f}"


@pytest.mark.parametrize("name", BODIES)
def test_a_checkout_adds_up_to_the_body(caller: Caller, vendors: Emulators, name: str) -> None:
    more, total = BODIES[name]
    made = caller.create("/v1/orders?connection=stripe", order(word(), more))

    assert sum_at_stripe(vendors, made["meta"]["remote_id"]) == total
    read = caller.get(f"/v1/orders/{made['id']}").json()
    assert (read["totals"]["total"], made["totals"]["total"]) == (total, total)
    assert not [one for one in read["meta"]["loss"] if one["path"].startswith("/totals")]
    assert read["line_items"][0]["quantity"] == more.get("quantity", "2")
    assert read["line_items"] == made["line_items"]


def sum_at_salesforce(vendors: Emulators, id: str) -> str:
    """What an order adds up to by its stored lines."""
    lines = [one for one in vendors.records("salesforce", "OrderItem") if one["OrderId"] == id]
    total = sum(Decimal(str(one["Quantity"])) * Decimal(str(one["UnitPrice"])) for one in lines)
    (stored,) = [one for one in vendors.records("salesforce", "Order") if one["Id"] == id]
    assert abs(total - Decimal(str(stored["TotalAmount"]))) < Decimal("0.005")
    return f"{total:.2f}"


@pytest.mark.parametrize("connection", ["salesforce", "crm", "maker"])
@pytest.mark.parametrize("name", BODIES)
def test_a_salesforce_order_adds_up_to_the_body(caller: Caller, vendors: Emulators, name: str, connection: str) -> None:
    """Without a default product, everything is in the prices of what is sold."""
    more, total = BODIES[name]
    body = order(word(), more)
    if connection == "salesforce":
        furnish(vendors, body)
    made = caller.create(f"/v1/orders?connection={connection}", body)

    assert sum_at_salesforce(vendors, made["meta"]["remote_id"]) == total
    read = caller.get(f"/v1/orders/{made['id']}").json()
    assert (read["totals"]["total"], made["totals"]["total"]) == (total, total)
    line = read["line_items"][0]
    assert (line["name"], line["quantity"]) == (body["line_items"][0]["name"], more.get("quantity", "2"))
    assert read["customer"]["email"] == body["customer"]["email"]
    folded = [one for one in made["meta"]["loss"] if one["kind"] == "folded"]
    added = {f"/line_items/{place}" for place in range(1, len(read["line_items"]))}
    assert {one["place"] for one in folded} >= added  # each line that was not sent, also the remainder of a price
    announced = {one["path"] for one in folded}
    assert {"/discounts/0"} & announced == ({"/discounts/0"} if "discounts" in more else set())


def test_the_account_of_an_order_is_found_by_name(caller: Caller, vendors: Emulators) -> None:
    company = f"Loom {word()}"
    known = vendors.place("salesforce", "Account", {"Name": company, "BillingPostalCode": "10115"})
    address = {"line1": "Uferweg 3", "postal_code": "10115", "country_code": "DE", "company": company}

    def account_of(postal_code: str) -> str:
        body = order(word(), {"billing_address": address | {"postal_code": postal_code}})
        made = caller.create("/v1/orders?connection=crm", body)
        (stored,) = [one for one in vendors.records("salesforce", "Order") if one["Id"] == made["meta"]["remote_id"]]
        return stored["AccountId"]

    (default,) = vendors.records("salesforce", "Account", holding="Web customers")
    assert account_of("10115") == known["Id"]
    assert account_of("20095") == default["Id"]  # another place contradicts it
    vendors.place("salesforce", "Account", {"Name": company})
    assert account_of("10115") == default["Id"]  # two have the name


def test_a_guest_is_named_in_the_description(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = order(mark, {"is_guest": True, "internal_note": "Ring twice."})
    made = caller.create("/v1/orders?connection=crm", body)

    assert made["internal_note"] == f"Ring twice.\nBuyer: {mark}@example.com"
    assert "/customer" in [one["path"] for one in made["meta"]["loss"]]
    assert not vendors.records("salesforce", "Contact", holding=mark)


def test_accounts_and_products_are_made_where_the_connection_says_so(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    made = caller.create("/v1/orders?connection=maker", order(mark, {"status": "open"}))

    assert made["line_items"][0]["sku"] == f"MUG-{mark}"
    assert [one["IsActive"] for one in vendors.records("salesforce", "Product2", holding=f"MUG-{mark}")] == [True]
    (account,) = vendors.records("salesforce", "Account", holding=mark)
    assert account["Name"] == f"{mark}@example.com"
    caller.create("/v1/orders?connection=maker", order(mark, {}))
    assert len(vendors.records("salesforce", "Product2", holding=f"MUG-{mark}")) == 1


def test_without_any_default_the_refusal_says_what_to_do(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    before = len(vendors.records("salesforce", "Order"))
    answer = expect(caller.write("POST", "/v1/orders?connection=salesforce", order(mark, {})), 422, "invalid-field")
    assert set(pointers(answer)) == {"/customer", "/line_items/0"}
    assert "default_account" in answer.json()["detail"]
    assert "default_product" in answer.json()["detail"]
    assert len(vendors.records("salesforce", "Order")) == before
    assert not vendors.records("salesforce", "Contact", holding=mark)


def test_a_checkout_keeps_what_a_line_and_shipping_say(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = order(mark, {"shipping_lines": [SHIPPING]})
    body["line_items"][0] |= {
        "options": [{"name": "Glaze", "value": "blue"}],
        "requires_shipping": False,
        "taxable": True,
    }
    made = caller.create("/v1/orders?connection=stripe", body)

    line = made["line_items"][0]
    assert (line["sku"], line["options"]) == (f"MUG-{mark}", [{"name": "Glaze", "value": "blue"}])
    assert (line["requires_shipping"], line["taxable"]) == (False, True)
    assert made["shipping_lines"][0]["title"] == "Parcel"
    assert caller.get(f"/v1/orders/{made['id']}").json()["line_items"] == made["line_items"]


def test_the_products_of_a_page_are_read_at_once(caller: Caller, vendors: Emulators) -> None:
    """A checkout that somebody else made has its SKU with the product alone."""
    product = vendors.place("stripe", "products", {"name": "Mug", "metadata": {"sku": "MUG-BLUE"}})
    price = {"id": f"price_{word()}", "product": product["id"], "unit_amount_decimal": "1990"}
    line = {"id": "li_1", "description": "Mug", "quantity": 1, "amount_subtotal": 1990, "price": price}
    for _ in range(2):
        session = {"currency": "eur", "amount_subtotal": 1990, "amount_total": 1990, "mode": "payment"}
        vendors.place("stripe", "checkout_sessions", session | {"line_items": {"object": "list", "data": [line]}})
    before = product_reads(vendors)
    path = "/v1/orders?connection=stripe&limit=100&status=open"
    page = caller.get(path).json()
    orders = page["data"]
    while page["next_cursor"] is not None:  # invoices come first; if there are none, the first page has the checkouts
        page = caller.get(f"{path}&cursor={page['next_cursor']}").json()
        orders += page["data"]

    lines = [line for one in orders for line in one["line_items"] if line["product"]["remote_id"] == product["id"]]
    assert [line["sku"] for line in lines] == ["MUG-BLUE"] * 2
    assert product_reads(vendors) == before + 1


def product_reads(vendors: Emulators) -> int:
    """How often products were read."""
    return len([one for one in vendors.calls("stripe") if one["path"] == "/v1/products"])


def test_an_amount_that_stripe_cannot_charge_is_refused_before_the_call(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = order(mark, {"unit_price": "1.234"}) | {"currency": "KWD"}
    before = len(vendors.calls("stripe"))
    answer = expect(caller.write("POST", "/v1/orders?connection=stripe", body), 422, "invalid-field")
    assert pointers(answer) == ["/line_items/0/unit_price"]
    assert "steps of 0.010" in answer.json()["errors"][0]["detail"]
    fee = order(mark, {"fees": [{"name": "Gift wrap", "amount": "0.005"}]}) | {"currency": "KWD"}
    assert pointers(caller.write("POST", "/v1/orders?connection=stripe", fee)) == ["/fees/0/amount"]  # no line
    assert len(vendors.calls("stripe")) == before


def test_a_paid_order_says_what_to_do(caller: Caller) -> None:
    answer = caller.write("POST", "/v1/orders?connection=stripe", order(word(), {"payment_status": "paid"}))

    assert code_of(answer, 422) == "unsupported-field"
    assert "leave payment_status out" in answer.json()["errors"][0]["detail"]


def test_a_lost_reply_to_a_coupon_makes_one_coupon(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    vendors.lose_reply("stripe", method="POST", path="/v1/coupons")
    body = order(mark, {"discounts": [{"code": mark, "amount": "1.00"}]})
    made = caller.create("/v1/orders?connection=stripe", body)

    assert sum_at_stripe(vendors, made["meta"]["remote_id"]) == "38.80"
    assert len(vendors.records("stripe", "coupons", holding=mark)) == 1


def test_a_key_that_may_not_read_products_reads_orders_without_skus(caller: Caller, vendors: Emulators) -> None:
    product = vendors.place("stripe", "products", {"name": "Mug", "metadata": {"sku": "MUG-RED"}})
    price = {"id": f"price_{word()}", "product": product["id"], "unit_amount_decimal": "1990"}
    line = {"id": "li_1", "description": "Mug", "quantity": 1, "amount_subtotal": 1990, "price": price}
    session = {"currency": "eur", "amount_subtotal": 1990, "amount_total": 1990, "mode": "payment"}
    lines = {"line_items": {"object": "list", "data": [line]}}
    placed = vendors.place("stripe", "checkout_sessions", session | lines)
    vendors.break_("stripe", "status", method="GET", path="/v1/products", status=403)
    read = caller.get(f"/v1/orders/stripe:{placed['id']}").json()

    assert (read["totals"]["total"], read["line_items"][0]["sku"]) == ("19.90", None)
    assert "/line_items" in [one["path"] for one in read["meta"]["loss"]]
    assert caller.get(f"/v1/orders/stripe:{placed['id']}").json()["line_items"][0]["sku"] == "MUG-RED"
