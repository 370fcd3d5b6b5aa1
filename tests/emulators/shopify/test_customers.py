"""Customers: made, changed, deleted."""

from typing import Any

import pytest

from .conftest import Json, Shop, line

CUSTOMER = """
  id displayName firstName lastName note tags locale state taxExempt taxExemptions
  createdAt updatedAt numberOfOrders amountSpent { amount currencyCode }
  defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
  defaultPhoneNumber { phoneNumber marketingState } defaultAddress { id address1 }
  addressesV2(first: 5) { nodes { id name address1 city zip country countryCodeV2 province provinceCode } }
  metafields(first: 5) { nodes { namespace key value } }
"""


def read(shop: Shop, gid: str) -> Json:
    return shop.data(f"query($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}", id=gid)["customer"]


def update(shop: Shop, **members: Any) -> Json:
    return shop.data(
        f"""mutation($input: CustomerInput!) {{ customerUpdate(input: $input) {{
              customer {{ {CUSTOMER} }} userErrors {{ field message }} }} }}""",
        input=members,
    )["customerUpdate"]


def test_a_new_customer_as_it_reads_afterwards(shop: Shop) -> None:
    made = shop.customer(
        email=" Ida.Morrow@Example.COM ",
        phone="(415) 555-2671",
        firstName="Ida",
        lastName="Morrow",
        note="Prefers tea",
        tags=["vip", "Wholesale", "VIP"],
        addresses=[
            {
                "firstName": "Ida",
                "lastName": "Morrow",
                "address1": "12 Kettle Lane",
                "city": "Ottawa",
                "countryCode": "CA",
                "provinceCode": "ON",
                "zip": "K2P 1L4",
            }
        ],
    )
    customer = read(shop, made["id"])
    assert customer["displayName"] == "Ida Morrow"
    assert customer["defaultEmailAddress"]["emailAddress"] == "ida.morrow@example.com"
    assert customer["defaultPhoneNumber"]["phoneNumber"] == "+14155552671"
    assert customer["tags"] == ["vip", "Wholesale"]
    assert (customer["locale"], customer["state"]) == ("en", "DISABLED")
    assert customer["defaultEmailAddress"]["marketingState"] == "NOT_SUBSCRIBED"
    assert (customer["numberOfOrders"], customer["amountSpent"]) == ("0", {"amount": "0.0", "currencyCode": "USD"})
    (address,) = customer["addressesV2"]["nodes"]
    assert address["id"].endswith("?model_name=CustomerAddress")
    assert customer["defaultAddress"]["id"] == address["id"]
    assert (address["country"], address["province"]) == ("Canada", "Ontario")


def test_ids_are_numbers_that_no_double_can_hold(shop: Shop) -> None:
    first, second = (shop.customer(firstName=name)["id"] for name in ("Ann", "Bo"))
    number = int(first.removeprefix("gid://shopify/Customer/"))
    assert number > 2**53
    assert second == f"gid://shopify/Customer/{number + 1}"


@pytest.mark.parametrize(
    ("members", "field", "message"),
    [
        ({}, None, "A name, phone number, or email address must be present"),
        ({"email": "nonsense"}, ["email"], "Email is invalid"),
        ({"phone": "12"}, ["phone"], "Phone is invalid"),
        ({"firstName": "x" * 256}, ["firstName"], "First name is too long (maximum is 255 characters)"),
        ({"firstName": "A", "tags": ["x" * 256]}, ["tags"], "Tags is too long (maximum is 255 characters)"),
        ({"firstName": "A", "id": "gid://shopify/Customer/1"}, ["id"], "Cannot specify ID on creation"),
    ],
)
def test_refusals(shop: Shop, members: Json, field: list[str] | None, message: str) -> None:
    payload = shop.create_customer(**members)
    assert payload == {"customer": None, "userErrors": [{"field": field, "message": message}]}
    assert shop.emulators.records("shopify", "Customer") == []


def test_an_email_address_and_a_phone_number_are_each_one_customers(shop: Shop) -> None:
    shop.customer(email="ida@example.com", phone="+14155552671")
    payload = shop.create_customer(email="IDA@example.com", phone="415-555-2671", firstName="Other")
    assert payload["customer"] is None
    assert payload["userErrors"] == [
        {"field": ["email"], "message": "Email has already been taken"},
        {"field": ["phone"], "message": "Phone has already been taken"},
    ]
    other = shop.customer(email="other@example.com")
    assert update(shop, id=other["id"], email="ida@example.com")["userErrors"][0]["field"] == ["email"]
    assert len(shop.emulators.records("shopify", "Customer")) == 2


def test_an_email_address_is_free_again_after_a_change(shop: Shop) -> None:
    first = shop.customer(email="ida@example.com")
    assert update(shop, id=first["id"], email="ida.new@example.com")["userErrors"] == []
    shop.customer(email="ida@example.com")


def test_an_update_leaves_what_it_does_not_name_and_clears_with_null(shop: Shop) -> None:
    made = shop.customer(email="ida@example.com", firstName="Ida", note="Tea", tags=["a"])
    payload = update(shop, id=made["id"], note=None, lastName="Morrow")
    assert payload["userErrors"] == []
    customer = payload["customer"]
    assert (customer["note"], customer["displayName"], customer["tags"]) == (None, "Ida Morrow", ["a"])
    assert customer["defaultEmailAddress"]["emailAddress"] == "ida@example.com"
    assert update(shop, id=made["id"], email=None)["customer"]["defaultEmailAddress"] is None


def test_an_update_of_an_unknown_customer(shop: Shop) -> None:
    payload = update(shop, id="gid://shopify/Customer/1", note="x")
    assert payload == {"customer": None, "userErrors": [{"field": ["id"], "message": "Customer does not exist"}]}


def test_an_update_and_a_set_replace_the_addresses(shop: Shop) -> None:
    gid = shop.customer(firstName="Ida", addresses=[{"address1": "1 Old St"}, {"address1": "2 Old St"}])["id"]
    customer = update(shop, id=gid, addresses=[{"address1": "2 New St"}, {"address1": "3 New St"}])["customer"]
    assert [one["address1"] for one in customer["addressesV2"]["nodes"]] == ["2 New St", "3 New St"]
    assert customer["defaultAddress"]["address1"] == "2 New St"
    query = f"""mutation($id: ID!) {{ customerSet(identifier: {{id: $id}}, input: {{addresses: []}}) {{
                  customer {{ {CUSTOMER} }} userErrors {{ field code }} }} }}"""
    customer = shop.data(query, id=gid)["customerSet"]["customer"]
    assert (customer["addressesV2"]["nodes"], customer["defaultAddress"]) == ([], None)
    nobody = shop.data(query, id="gid://shopify/Customer/1")["customerSet"]
    assert nobody == {"customer": None, "userErrors": [{"field": ["input"], "code": "NOT_FOUND"}]}


def test_an_identifier_names_exactly_one_thing(shop: Shop) -> None:
    body = shop.ask(
        "query($i: CustomerIdentifierInput!) { customerByIdentifier(identifier: $i) { id } }",
        i={"emailAddress": "a@example.com", "customId": {"namespace": "a", "key": "b", "value": "c"}},
    )
    assert body["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"


def test_a_lookup_by_identifier_sees_a_write_at_once(shop: Shop) -> None:
    shop.emulators.limit("shopify", search_lag=60)
    made = shop.customer(email="ida@example.com")
    query = '{ customerByIdentifier(identifier: {emailAddress: "Ida@Example.com"}) { id } }'
    assert shop.data(query)["customerByIdentifier"] == {"id": made["id"]}


def delete(shop: Shop, gid: str) -> Json:
    return shop.data(
        """mutation($id: ID!) { customerDelete(input: {id: $id}) {
             deletedCustomerId userErrors { field message } } }""",
        id=gid,
    )["customerDelete"]


def test_a_customer_without_orders_can_be_deleted_for_good(shop: Shop) -> None:
    made = shop.customer(email="ida@example.com")
    assert delete(shop, made["id"])["deletedCustomerId"] == made["id"]
    assert shop.data("query($id: ID!) { customer(id: $id) { id } }", id=made["id"])["customer"] is None
    assert delete(shop, made["id"])["userErrors"][0]["message"] == "Customer can't be found"
    shop.customer(email="ida@example.com")


def test_a_customer_with_orders_cannot(shop: Shop) -> None:
    made = shop.customer(email="ida@example.com")
    shop.order(customer={"toAssociate": {"id": made["id"]}}, lineItems=[line(price="20.00")])
    payload = delete(shop, made["id"])
    assert payload["deletedCustomerId"] is None
    assert payload["userErrors"][0]["field"] == ["id"]
    assert read(shop, made["id"])["numberOfOrders"] == "1"
