"""Customers: made, changed, upserted, consenting, deleted."""

from typing import Any

import pytest

from .conftest import Json, Shop, line

CUSTOMER = """
  id legacyResourceId displayName firstName lastName note tags locale state taxExempt taxExemptions verifiedEmail
  createdAt updatedAt numberOfOrders canDelete amountSpent { amount currencyCode } email phone
  defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt validFormat }
  defaultPhoneNumber { phoneNumber marketingState }
  emailMarketingConsent { marketingState consentUpdatedAt } smsMarketingConsent { marketingState }
  defaultAddress { id address1 }
  addressesV2(first: 5) { nodes { id name address1 city zip country countryCodeV2 province provinceCode formattedArea
    formatted(withName: true) } }
  metafields(first: 5) { nodes { namespace key value } }
"""


def read(shop: Shop, gid: str) -> Json:
    return shop.data(f"query($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}", id=gid)["customer"]


def set_customer(shop: Shop, identifier: Json | None = None, **members: Any) -> Json:
    return shop.data(
        f"""mutation($identifier: CustomerSetIdentifiers, $input: CustomerSetInput!) {{
              customerSet(identifier: $identifier, input: $input) {{
                customer {{ {CUSTOMER} }} userErrors {{ field message code }} }} }}""",
        identifier=identifier,
        input=members,
    )["customerSet"]


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
    assert customer["email"] == customer["defaultEmailAddress"]["emailAddress"] == "ida.morrow@example.com"
    assert customer["phone"] == customer["defaultPhoneNumber"]["phoneNumber"] == "+14155552671"
    assert customer["tags"] == ["vip", "Wholesale"]
    assert (customer["locale"], customer["state"], customer["verifiedEmail"]) == ("en", "DISABLED", True)
    assert customer["defaultEmailAddress"]["marketingState"] == "NOT_SUBSCRIBED"
    assert (customer["numberOfOrders"], customer["amountSpent"]) == ("0", {"amount": "0.0", "currencyCode": "USD"})
    (address,) = customer["addressesV2"]["nodes"]
    assert address["id"].endswith("?model_name=CustomerAddress")
    assert customer["defaultAddress"]["id"] == address["id"]
    assert (address["country"], address["province"]) == ("Canada", "Ontario")
    assert address["formattedArea"] == "Ottawa ON, Canada"
    assert address["formatted"] == ["Ida Morrow", "12 Kettle Lane", "Ottawa ON K2P 1L4", "Canada"]


def test_ids_are_numbers_that_no_double_can_hold(shop: Shop) -> None:
    first, second = (read(shop, shop.customer(firstName=name)["id"]) for name in ("Ann", "Bo"))
    number = int(first["legacyResourceId"])
    assert first["id"] == f"gid://shopify/Customer/{number}"
    assert number > 2**53
    assert int(second["legacyResourceId"]) == number + 1


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
    assert customer["email"] == "ida@example.com"
    assert update(shop, id=made["id"], email=None)["customer"]["defaultEmailAddress"] is None


def test_an_update_of_an_unknown_customer(shop: Shop) -> None:
    payload = update(shop, id="gid://shopify/Customer/1", note="x")
    assert payload == {"customer": None, "userErrors": [{"field": ["id"], "message": "Customer does not exist"}]}


def test_an_update_replaces_addresses_and_keeps_named_ids(shop: Shop) -> None:
    made = shop.customer(
        firstName="Ida", addresses=[{"address1": "1 Old St"}, {"address1": "2 Old St", "city": "Bath"}]
    )
    first, second = read(shop, made["id"])["addressesV2"]["nodes"]
    customer = update(
        shop, id=made["id"], addresses=[{"id": second["id"], "address1": "2 New St"}, {"address1": "3 New St"}]
    )["customer"]
    kept, new = customer["addressesV2"]["nodes"]
    assert (kept["id"], kept["address1"], kept["city"]) == (second["id"], "2 New St", "Bath")
    assert new["id"] not in (first["id"], second["id"])
    assert customer["defaultAddress"]["id"] == kept["id"]


def test_set_makes_changes_and_makes_again(shop: Shop) -> None:
    made = set_customer(shop, email="ida@example.com", firstName="Ida", tags=["a", "b"])
    assert made["userErrors"] == []
    gid = made["customer"]["id"]
    by_email = set_customer(shop, {"email": "IDA@example.com"}, email="ida@example.com", tags=["c"])
    assert (by_email["customer"]["id"], by_email["customer"]["tags"]) == (gid, ["c"])
    assert by_email["customer"]["firstName"] == "Ida"
    by_id = set_customer(shop, {"id": gid}, note="Tea")
    assert (by_id["customer"]["id"], by_id["customer"]["note"]) == (gid, "Tea")
    by_phone = set_customer(shop, {"phone": "+14155552671"}, phone="(415) 555-2671", firstName="Bo")
    assert by_phone["customer"]["id"] != gid
    assert len(shop.emulators.records("shopify", "Customer")) == 2


@pytest.mark.parametrize(
    ("identifier", "members", "field", "code"),
    [
        ({"id": "gid://shopify/Customer/1"}, {"firstName": "A"}, ["input"], "NOT_FOUND"),
        ({"email": "a@example.com"}, {"firstName": "A"}, ["input"], "MISSING_FIELD_REQUIRED"),
        ({"email": "a@example.com"}, {"email": "b@example.com"}, ["input"], "INPUT_MISMATCH"),
        ({"email": "a@example.com"}, {"id": "gid://shopify/Customer/1"}, ["input", "id"], "ID_NOT_ALLOWED"),
        (None, {"email": "taken@example.com"}, ["input", "email"], "TAKEN"),
        (None, {"email": "nonsense"}, ["input", "email"], "INVALID"),
        (None, {}, None, "BLANK"),
    ],
)
def test_set_refusals_have_codes(
    shop: Shop, identifier: Json | None, members: Json, field: list[str] | None, code: str
) -> None:
    shop.customer(email="taken@example.com")
    payload = set_customer(shop, identifier, **members)
    assert payload["customer"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [(field, code)]
    assert len(shop.emulators.records("shopify", "Customer")) == 1


def test_an_identifier_names_exactly_one_thing(shop: Shop) -> None:
    body = shop.ask(
        "query($i: CustomerIdentifierInput!) { customerByIdentifier(identifier: $i) { id } }",
        i={"emailAddress": "a@example.com", "phoneNumber": "+14155552671"},
    )
    assert body["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"


@pytest.mark.parametrize(
    "identifier", [{"emailAddress": "Ida@Example.com"}, {"phoneNumber": "415 555 2671"}, {"id": None}]
)
def test_a_lookup_by_identifier_sees_a_write_at_once(shop: Shop, identifier: Json) -> None:
    shop.emulators.limit("shopify", search_lag=60)
    made = shop.customer(email="ida@example.com", phone="+14155552671")
    data = shop.data(
        "query($i: CustomerIdentifierInput!) { customerByIdentifier(identifier: $i) { id } }",
        i={key: value or made["id"] for key, value in identifier.items()},
    )["customerByIdentifier"]
    assert data == {"id": made["id"]}


def delete(shop: Shop, gid: str) -> Json:
    return shop.data(
        """mutation($id: ID!) { customerDelete(input: {id: $id}) {
             deletedCustomerId shop { name } userErrors { field message } } }""",
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
    assert (payload["deletedCustomerId"], payload["shop"]) == (None, {"name": "Lockstitch Dev"})
    assert payload["userErrors"][0]["field"] == ["id"]
    customer = read(shop, made["id"])
    assert (customer["canDelete"], customer["numberOfOrders"]) == (False, "1")


def test_tags_are_added_and_removed_ignoring_case(shop: Shop) -> None:
    made = shop.customer(firstName="Ida", tags=["vip"])
    query = """mutation($id: ID!, $tags: [String!]!) {{ {name}(id: $id, tags: $tags) {{
                 node {{ id ... on Customer {{ tags }} }} userErrors {{ field message }} }} }}"""
    added = shop.data(query.format(name="tagsAdd"), id=made["id"], tags=["VIP", "b2b"])["tagsAdd"]
    assert added == {"node": {"id": made["id"], "tags": ["b2b", "vip"]}, "userErrors": []}
    removed = shop.data(query.format(name="tagsRemove"), id=made["id"], tags=["Vip", "none"])["tagsRemove"]
    assert removed["node"]["tags"] == ["b2b"]
    nobody = shop.data(query.format(name="tagsAdd"), id="gid://shopify/Customer/1", tags=["a"])["tagsAdd"]
    assert nobody == {"node": None, "userErrors": [{"field": ["id"], "message": "Customer does not exist"}]}
