"""Variants of products, which tests place, and their search by SKU."""

from typing import Any

from emulators.shopify.connections import of_list
from emulators.shopify.context import Context
from emulators.shopify.search import Term, Test, compiled

JsonRecord = dict[str, Any]

VARIANT = "ProductVariant"


def listed(context: Context, args: JsonRecord) -> JsonRecord:
    """`productVariants(…)`. A term of the query matches every SKU that contains it, without case."""
    test = compiled(args.get("query") or "", _judge)
    matches = [one for one in context.state.all(VARIANT) if test(one)]
    return of_list(matches, args)


def _judge(term: Term) -> Test:
    if term.field != "sku":
        return lambda record: True
    return lambda record: term.value.lower() in str(record.get("sku") or "").lower()
