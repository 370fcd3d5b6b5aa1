"""What is asked for is what the Struct reads."""

from typing import Annotated

import pytest
from msgspec import Struct, field

from mappings.http import VendorReply
from mappings.kit.graphql import NOT_ASKED, PageInfo, ask, data_of, operation, present, selection
from mappings.spec import VendorDrift


class Money(Struct, rename="camel"):
    amount: str
    currency_code: str | None = None


class Line(Struct, rename="camel"):
    id: str
    unit_price: Money | None
    kind: str | None = field(name="__typename", default=None)


class Lines(Struct, rename="camel"):
    nodes: tuple[Line, ...]
    page_info: PageInfo


class Order(Struct, rename="camel"):
    id: str
    placed_at: str | None
    tags: tuple[str, ...]
    line_items: Annotated[Lines | None, ask("lineItems(first: $lines)")]
    key: Annotated[str | None, ask('key: attribute(name: "key")')]
    card: Annotated[str | None, ask("... on Card { card }")] = None
    sum: Annotated[Money | None, NOT_ASKED] = None


def test_a_selection_names_what_the_struct_reads() -> None:
    assert selection(Order) == (
        "{ id placedAt tags lineItems(first: $lines) { nodes { id unitPrice { amount currencyCode } __typename } "
        'pageInfo { hasNextPage endCursor } } key: attribute(name: "key") ... on Card { card } }'
    )


def test_an_operation_declares_every_variable() -> None:
    assert operation("query", "order", {"id": "ID!"}, "{ id }", {"lines": "Int!"}) == (
        "query order($id: ID!, $lines: Int!) { order(id: $id) { id } }"
    )
    assert operation("query", "shop", {}, "{ name }") == "query shop { shop { name } }"


def test_null_is_nothing() -> None:
    data = data_of(VendorReply(status=200, headers={}, body=b'{"data": {"order": null, "shop": {"id": "1"}}}'))

    assert list(data) == ["shop"]
    assert present(data["shop"]) is not None
    with pytest.raises(VendorDrift):
        data_of(VendorReply(status=200, headers={}, body=b"<html>"))
