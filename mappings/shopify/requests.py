"""What a request may cost, and the ids of records.

A query's *price* is what it could bring, by Shopify's published rule: an object is one point, a connection two more,
times the `first` around it, a mutation ten; no price may exceed 1000. Recorded answers show that connections are
charged less the longer they are: 11 points for 5 records that the rule prices at 22, 25 for 250 that it prices at 503.
So an order, which is lists inside lists, is taken for half of what the rule says; in truth it is less still.

A query's *cost* is what it is likely to bring, because that is what Shopify takes in the end: it gives the difference
back. A cost that was too low is made up for by the budget in the answer.
"""

from functools import partial
from typing import Final

from canonical.parts import ObjectName
from mappings.kit import graphql
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_variables_2026_07 import Asked, CustomId, Identifier, Sizes

PATH: Final = "/admin/api/2026-07/graphql.json"
NAMESPACE: Final = "lockstitch"
EXTERNAL_ID: Final = "external_id"
OPERATION_ID: Final = "operation_id"

QUERY_LIMIT: Final = 1000
MUTATION_COST: Final = 10
PAGE_COST: Final = 4
CUSTOMER_PRICE: Final = 19
CUSTOMER_COST: Final = 10
LINE_PRICE: Final = 13
WHOLE: Final = Sizes(lines=30, shipping=3, discounts=10, payments=20, events=5, parts=20)
"""For one order: few have more, and further lines are read page by page."""
BRIEF: Final = Sizes(lines=8, shipping=1, discounts=2, payments=3, events=1, parts=4)
"""For each order of a list: what most have; the others are read whole one by one."""
TYPICAL: Final = Sizes(lines=3, shipping=1, discounts=1, payments=2, events=1, parts=2)
"""What an order is likely to have inside."""


call: Final = partial(graphql.call, PATH)
"""Build the request that runs a document; its cost is in points."""


def asked(account: Account, object_name: ObjectName) -> Asked:
    """The configured metafields of an object, to be shown with each record."""
    keys = tuple(
        setting.vendor_field
        for setting in account.custom_fields.get(object_name, ())
        if metafield_key(setting.vendor_field) is not None
    )
    return Asked(fields=max(1, len(keys)), keys=keys, custom=bool(keys))


def metafield_key(vendor_field: str) -> tuple[str, str] | None:
    """Namespace and key of a configured field written `namespace.key`, which is how Shopify writes them; None for
    anything else, such as the name of an order's attribute."""
    namespace, dot, key = vendor_field.partition(".")
    named = dot and all(part and part.replace("_", "").replace("-", "").isalnum() for part in (namespace, key))
    return (namespace, key) if named else None


def customer_price(account: Account) -> int:
    """What one customer with its first ten addresses could cost."""
    return CUSTOMER_PRICE + _custom_price(account, "customer")


def customer_cost(account: Account) -> int:
    """What one customer is likely to cost."""
    return CUSTOMER_COST + _custom_price(account, "customer")


def order_price(account: Account, sizes: Sizes) -> int:
    """What one order with this much inside could cost: half of what the rule says."""
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
    """What one order is likely to cost."""
    return order_price(account, TYPICAL)


def page_size(limit: int, price: int) -> int:
    """How many records of such a price fit into one query."""
    return max(1, min(limit, (QUERY_LIMIT - PAGE_COST) // price))


def page_cost(first: int, cost: int) -> float:
    """What a page of so many records is likely to cost: in a list each is charged half at most."""
    return PAGE_COST + first * cost / 2


def gid(kind: str, remote_id: str) -> str:
    """The global id of a record, from its number."""
    return f"gid://shopify/{kind}/{remote_id}"


def tail(global_id: str) -> str:
    """The number in a global id, which is what other systems keep."""
    return global_id.rpartition("/")[2]


def by_custom_id(key: str, value: str) -> Identifier:
    """The record that holds this value of one of our unique metafields."""
    return Identifier(custom_id=CustomId(namespace=NAMESPACE, key=key, value=value))


def _custom_price(account: Account, object_name: ObjectName) -> int:
    settings = account.custom_fields.get(object_name, ())
    return 2 + len(settings) if settings else 0
