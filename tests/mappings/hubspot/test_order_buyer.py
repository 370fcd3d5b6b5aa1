"""The buyer of an order and its addresses, which share a name."""

import msgspec

from mappings.hubspot.wire_order_v3 import OrderAssociations, OrderWrite

from .orders import FULL, draft, mapped, order, refused


def test_the_buyer_is_an_association_and_a_snapshot() -> None:
    body = draft(None, currency="EUR", customer={"remote_id": "51", "email": "ann@example.com", "name": "Ann"}).body

    assert msgspec.to_builtins(body.associations) == (
        {"to": {"id": "51"}, "types": ({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507},)},
    )
    assert body.properties == {
        "hs_currency_code": "EUR",
        "hs_billing_address_email": "ann@example.com",
        "hs_billing_address_name": "Ann",
    }


def test_a_guest_needs_no_contact() -> None:
    record = order(**draft(None, currency="EUR", customer={"email": "bo@example.com"}).body.properties)
    read = mapped(record).data

    assert read.is_guest
    assert read.customer is not None
    assert (read.customer.remote_id, read.customer.email, read.billing_address) == (None, "bo@example.com", None)


def test_an_update_cannot_change_the_contact() -> None:
    assert refused(FULL, customer={"remote_id": "52"}) == {"/customer": "unsupported"}
    assert refused(FULL, customer=None) == {"/customer": "unsupported"}
    assert draft(FULL, customer={"remote_id": "51", "email": "ann@example.com"}).body == OrderWrite(properties={})
    assert draft(FULL, customer={"email": "bo@example.com"}).body.properties == {
        "hs_billing_address_email": "bo@example.com"
    }


def test_one_name_of_buyer_and_billing_address_is_one_loss() -> None:
    changed = draft(FULL, billing_address={"line1": "2 Side Street"}, customer={"name": "Eve Moss"})
    assert [one.path for one in changed.loss] == ["/billing_address/name"]


def test_an_address_is_replaced_and_the_buyer_stays() -> None:
    body = draft(FULL, billing_address={"line1": "2 Side Street", "line2": "Flat 3", "country_code": "DE"}).body
    read = mapped(msgspec.structs.replace(FULL, properties=FULL.properties | body.properties)).data

    assert read.billing_address is not None
    assert (read.billing_address.line1, read.billing_address.line2) == ("2 Side Street", "Flat 3")
    assert (read.billing_address.country_code, read.billing_address.name) == ("DE", "Ann Lee")
    assert read.customer is not None
    assert (read.customer.name, read.customer.email) == ("Ann Lee", "ann@example.com")


def test_a_street_of_three_lines_becomes_two() -> None:
    written = draft(None, shipping_address={"line1": "Rua Augusta 3\nBloco B", "line2": "Apto 4", "city": "Recife"})

    assert {(one.path, one.kind) for one in written.loss} == {
        ("/shipping_address/line1", "coerced"),
        ("/shipping_address/line2", "coerced"),
    }


def test_a_new_name_of_the_buyer_becomes_that_of_the_billing_address() -> None:
    renamed = draft(FULL, customer={"email": "ann@example.com", "name": "Bo Lee"})

    assert [(one.path, one.kind) for one in renamed.loss] == [("/billing_address/name", "coerced")]
    guest = msgspec.structs.replace(FULL, associations=OrderAssociations())
    assert [(one.path, one.kind) for one in draft(guest, customer=None).loss] == [("/billing_address/name", "dropped")]
    assert draft(guest, customer=None, billing_address={"line1": "Uferweg 3", "city": "Kiel"}).loss == ()
    unplaced = msgspec.structs.replace(FULL, properties=FULL.properties | {"hs_billing_address_street": None})
    assert draft(unplaced, customer={"email": "ann@example.com", "name": "Bo Lee"}).loss == ()


def test_the_name_of_the_billing_address_wins() -> None:
    both = draft(None, customer={"name": "Ann"}, billing_address={"name": "Lee Ltd", "city": "Bern"})

    assert both.body.properties["hs_billing_address_name"] == "Lee Ltd"
    assert [(one.path, one.kind) for one in both.loss] == [("/customer/name", "dropped")]
