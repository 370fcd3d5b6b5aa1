"""No request can come to more than one query may, by Shopify's published rule."""

from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from mappings.http import VendorRequest
from mappings.shopify.endpoints_order import MAX_LIMIT as ORDERS
from mappings.shopify.requests import BRIEF, QUERY_LIMIT, customer_price, order_price, page_size

from .conftest import SHOP, variables
from .every_request import REQUESTS, parsed

# Recorded answers: an orderCancel that shows its job and errors costs ten, what a mutation costs anyway.
FREE = {"userErrors", "orderCancelUserErrors", "job"}
Fragments = dict[str, FragmentDefinitionNode]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_no_request_can_exceed_what_a_query_may_cost(request_: VendorRequest) -> None:
    # An order, lists inside lists, is taken for half of the rule (see `asking`).
    limit = 2 * QUERY_LIMIT if "order" in request_.route.lower() else QUERY_LIMIT

    assert request_.cost <= price_of(request_) <= limit


def test_prices_are_those_of_the_documents() -> None:
    prices = {request.route: price_of(request) for request in REQUESTS}

    assert prices["/graphql customer"] == customer_price(SHOP)
    first = page_size(250, customer_price(SHOP))
    assert prices["/graphql customers"] == first * customer_price(SHOP) + 3
    assert ORDERS * 2 * order_price(SHOP, BRIEF) - prices["/graphql orders"] in range(ORDERS * 5)


def price_of(request: VendorRequest) -> int:
    """What everything that a request asks for would cost."""
    document = parsed(request)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return priced(operation.selection_set, fragments, variables(request), operation.operation.value == "mutation")


def priced(selected: SelectionSetNode, fragments: Fragments, sent: dict[str, Any], mutation: bool = False) -> int:
    """Points by Shopify's published rule: an object one, a connection two more, times its `first`, a mutation ten."""
    total, dearest = 0, 0
    for node in selected.selections:
        if isinstance(node, FragmentSpreadNode):
            total += priced(fragments[node.name.value].selection_set, fragments, sent)
        elif isinstance(node, InlineFragmentNode):
            dearest = max(dearest, priced(node.selection_set, fragments, sent))
        elif isinstance(node, FieldNode) and node.name.value not in FREE:
            total += field_price(node, fragments, sent, mutation)
    return total + dearest


def field_price(node: FieldNode, fragments: Fragments, sent: dict[str, Any], mutation: bool) -> int:
    """Points for one field with all that is inside."""
    if node.selection_set is None or (node.directives and not sent["custom"]):
        return 0
    if mutation:
        return 10 + priced(node.selection_set, fragments, sent)
    first = next((one.value for one in node.arguments or () if one.name.value == "first"), None)
    if first is None:
        return 1 + priced(node.selection_set, fragments, sent)
    size = sent[first.name.value] if isinstance(first, VariableNode) else int(first.value)  # type: ignore[attr-defined]
    inner = [
        one for one in node.selection_set.selections if isinstance(one, FieldNode) and one.selection_set is not None
    ]
    if "nodes" not in {one.name.value for one in inner}:
        return int(size) * (1 + priced(node.selection_set, fragments, sent))
    each = {one.name.value: 1 + priced(one.selection_set, fragments, sent) for one in inner if one.selection_set}
    return 2 + int(size) * each.pop("nodes") + sum(each.values())
