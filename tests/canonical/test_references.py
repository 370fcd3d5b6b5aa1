"""References to other records: their connection in an answer, and each vendor's ids only for that vendor."""

from typing import Any

import pytest
from msgspec import UNSET

from canonical.customer import Customer, CustomerPatch
from canonical.order import LineItem, Order, Totals
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import ProductReference, ProductReferencePatch, Reference, ReferencePatch
from canonical.references import at_target, named_records, with_connection, with_source
from canonical.ticket import Author, Comment, Follower, FollowerPatch, Ticket, TicketPatch

SUMS = Totals(
    **dict.fromkeys(
        ("items", "discount", "shipping", "fees", "tip", "tax", "total", "paid", "refunded", "outstanding"), "1.00"
    )
)


def line(product: Any) -> LineItem:
    """An order line."""
    return LineItem(
        remote_id="1",
        product=product,
        name="Mug",
        quantity="1",
        unit_price="1.00",
        discount="0.00",
        tax="0.00",
        total="1.00",
    )


def test_every_reference_of_an_answer_names_its_connection() -> None:
    ids = {("customer", "1"): "cus_1", ("ticket", "3"): "tkt_3"}
    ticket = Ticket(
        requester=Reference(remote_id="1"),
        assignee=Reference(remote_id="1"),
        parent=Reference(remote_id="3"),
        merged_into=Reference(remote_id="4"),
        followers=(Follower(email="bo@example.com", kind="cc"), Follower(remote_id="1")),
    )

    named = with_connection(ticket, "desk", ids)  # type: ignore[arg-type]

    assert named.requester == Reference(id="cus_1", connection="desk", remote_id="1")
    assert named.assignee == Reference(connection="desk", remote_id="1")
    assert named.parent == Reference(id="tkt_3", connection="desk", remote_id="3")
    assert named.merged_into == Reference(connection="desk", remote_id="4")
    assert named.followers == (Follower(email="bo@example.com", kind="cc"), Follower(connection="desk", remote_id="1"))
    assert set(named_records(ticket)) == {("customer", "1"), ("ticket", "3"), ("ticket", "4")}


def test_products_owners_and_authors_name_their_connection_too() -> None:
    order = Order(currency="EUR", totals=SUMS, line_items=(line(ProductReference(variant_remote_id="7")), line(None)))
    comment = Comment(remote_id="1", author=Author(remote_id="2"), body_text="Hello")

    lines = with_connection(order, "shop", {}).line_items

    assert [one.product for one in lines] == [ProductReference(connection="shop", variant_remote_id="7"), None]
    assert with_connection(comment, "desk", {}).author.connection == "desk"
    assert with_connection(Customer(owner=Reference(remote_id="5")), "crm", {}).owner == Reference(
        connection="crm", remote_id="5"
    )


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        (ReferencePatch(connection="crm", remote_id="7"), ReferencePatch(remote_id="7")),
        (ReferencePatch(id="crm:7"), ReferencePatch(remote_id="7")),
        (ReferencePatch(id="crm:7", connection="desk", remote_id="9"), ReferencePatch(remote_id="7")),
        (ReferencePatch(connection="desk", remote_id="7", email="bo@example.com"), UNSET),
        (ReferencePatch(id="desk:7"), UNSET),
        (ReferencePatch(email="bo@example.com"), UNSET),
        (None, None),
        (UNSET, UNSET),
    ],
)
def test_only_its_own_ids_go_to_a_vendor(sent: Any, written: Any) -> None:
    patch, loss = at_target(CustomerPatch(owner=sent, tags=("a",)), "crm")

    assert (patch.owner, patch.tags) == (written, ("a",))
    assert [one.path for one in loss] == (["/owner"] if written is UNSET and sent is not UNSET else [])


def test_a_person_keeps_the_keys_that_every_system_knows() -> None:
    ticket = TicketPatch(
        requester=ReferencePatch(id="cus_1", connection="desk", remote_id="7", email="ann@example.com", name="Ann"),
        followers=(FollowerPatch(remote_id="8"), FollowerPatch(remote_id="9", email="bo@example.com")),
        orders=(ReferencePatch(connection="shop", remote_id="1"),),
    )

    patch, loss = at_target(with_source(ticket, "desk"), "crm")

    assert patch.requester == ReferencePatch(id="cus_1", email="ann@example.com", name="Ann")
    assert patch.followers == (FollowerPatch(email="bo@example.com"),)
    assert patch.orders == (ReferencePatch(id="shop:1"),)
    assert [(one.path, one.kind) for one in loss] == [("/followers", "dropped")]


def test_a_product_is_named_without_the_ids_of_another_shop() -> None:
    known = LineItemPatch(product=ProductReferencePatch(remote_id="1", sku="MUG"), quantity="1", name="Mug")
    bare = LineItemPatch(product=ProductReferencePatch(variant_remote_id="2"), quantity="1", name="Mug")

    patch, loss = at_target(with_source(OrderPatch(line_items=(known, bare)), "shop"), "crm")

    assert patch.line_items == (
        LineItemPatch(product=ProductReferencePatch(sku="MUG"), quantity="1", name="Mug"),
        LineItemPatch(quantity="1", name="Mug"),
    )
    assert [(one.path, one.kind) for one in loss] == [("/line_items", "coerced")]
