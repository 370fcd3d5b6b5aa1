"""Costs of requests, and the ids of records.

The *price* of a query is what it could return, by Shopify's published rule: an object is one point, a connection two
more, times the `first` around it, a mutation ten. No price may exceed 1000. Recorded answers show a lower charge for
longer connections: 11 points for 5 records with a price of 22, 25 for 250 with a price of 503. So an order, which has
lists in lists, counts as half of the rule's price; the real charge is even lower.

The *cost* of a query is what it typically returns: Shopify refunds the difference to the price. The budget in the
answer corrects a cost that was too low.
"""

from functools import partial
from typing import Final

from canonical.parts import ObjectName
from mappings.endpoints import ListQuery, Sort
from mappings.kit import graphql
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_variables_2026_07 import Asked, CustomId, Identifier, Sizes

PATH: Final = "/admin/api/2026-07/graphql.json"
NAMESPACE: Final = "lockstitch"
EXTERNAL_ID: Final = "external_id"
OPERATION_ID: Final = "operation_id"

SORTS: Final[frozenset[Sort]] = frozenset({"created_at", "-created_at", "updated_at", "-updated_at"})
QUERY_LIMIT: Final = 1000
MUTATION_COST: Final = 10
PAGE_COST: Final = 4
CUSTOMER_PRICE: Final = 19
CUSTOMER_COST: Final = 10
LINE_PRICE: Final = 13
WHOLE: Final = Sizes(lines=30, shipping=3, discounts=10, payments=20, events=5, parts=20)
"""For one order. Few have more; further lines are read page by page."""
BRIEF: Final = Sizes(lines=8, shipping=1, discounts=2, payments=3, events=1, parts=4)
"""For each order of a list. Most have no more; the others need a full read each."""
TYPICAL: Final = Sizes(lines=3, shipping=1, discounts=1, payments=2, events=1, parts=2)
"""What an order typically has."""


call: Final = partial(graphql.call, PATH)
"""Build the request that runs a document; its cost is in points."""


def metafield_variables(account: Account, object_name: ObjectName) -> Asked:
    """Return the variables that select the configured metafields of an object."""
    keys = tuple(
        setting.vendor_field
        for setting in account.custom_fields.get(object_name, ())
        if metafield_key(setting.vendor_field) is not None
    )
    return Asked(fields=max(1, len(keys)), keys=keys, custom=bool(keys))


def metafield_key(vendor_field: str) -> tuple[str, str] | None:
    """Return namespace and key of a configured field of the form `namespace.key`, as in Shopify. None for any other,
    such as the name of an order's attribute."""
    namespace, dot, key = vendor_field.partition(".")
    named = dot and all(part and part.replace("_", "").replace("-", "").isalnum() for part in (namespace, key))
    return (namespace, key) if named else None


def customer_price(account: Account) -> int:
    """Return the price of one customer with its first ten addresses, in points."""
    return CUSTOMER_PRICE + _custom_price(account, "customer")


def customer_cost(account: Account) -> int:
    """Return the typical cost of one customer, in points."""
    return CUSTOMER_COST + _custom_price(account, "customer")


def order_price(account: Account, sizes: Sizes) -> int:
    """Return the price of one order with these list lengths, in points: half of the rule's price."""
    head = 29  # the order itself, ten sums of two objects, customer, two addresses, two counts, attributes, metafield
    connection, shipping, discount, payment, event = 3, 10, 2, 4, 6
    rule = (
        head
        + connection * 3
        + sizes.lines * LINE_PRICE
        + sizes.shipping * shipping
        + sizes.discounts * discount
        + sizes.payments * payment
        + sizes.events * (event + sizes.parts * 4)  # refunds
        + sizes.events * (event + sizes.parts * 2)  # fulfillments
        + _custom_price(account, "order")
    )
    return -(-rule // 2)


def order_cost(account: Account) -> int:
    """Return the typical cost of one order, in points."""
    return order_price(account, TYPICAL)


def sort_key(query: ListQuery) -> str:
    """Return Shopify's sort key of a list; `reverse` is its direction."""
    return "UPDATED_AT" if query.by_change else "ID" if query.sort is None else "CREATED_AT"


def page_size(limit: int, price: int) -> int:
    """Return how many records of this price fit in one query."""
    return max(1, min(limit, (QUERY_LIMIT - PAGE_COST) // price))


def page_cost(first: int, cost: int) -> float:
    """Return the typical cost of a page of `first` records. In a list each is charged at most half."""
    return PAGE_COST + first * cost / 2


def gid(kind: str, remote_id: str) -> str:
    """Return the global id of a record, from its number."""
    return f"gid://shopify/{kind}/{remote_id}"


def tail(global_id: str) -> str:
    """Return the number in a global id, which other systems store."""
    return global_id.rpartition("/")[2]


def by_custom_id(key: str, value: str) -> Identifier:
    """Return the identifier of the record with this value in one of Lockstitch's unique metafields."""
    return Identifier(custom_id=CustomId(namespace=NAMESPACE, key=key, value=value))


def _custom_price(account: Account, object_name: ObjectName) -> int:
    settings = account.custom_fields.get(object_name, ())
    return 2 + len(settings) if settings else 0
