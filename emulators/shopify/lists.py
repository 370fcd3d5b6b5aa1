"""The root lists of customers and orders, filtered through the index, sorted and paged."""

from typing import Any

from emulators.shopify import index, records
from emulators.shopify.connections import Place, connection, cut
from emulators.shopify.context import Context
from emulators.shopify.search import compiled, entry_test

JsonRecord = dict[str, Any]

# Sort key → key of the index entry; every other order is by id.
_SORTED_BY = {"CREATED_AT": "createdAt", "UPDATED_AT": "updatedAt"}


def of_kind(context: Context, kind: str, args: JsonRecord) -> JsonRecord:
    """`customers(…)` or `orders(…)`. With a `query`, the lagging search index answers."""
    query = args.get("query") or ""
    test = compiled(query, entry_test)
    every = index.entries(context.state, kind, now=context.now, lagging=bool(query))
    sorted_by = _SORTED_BY.get(args.get("sortKey") or "")

    def place_of(entry: JsonRecord) -> Place:
        return (entry.get(sorted_by) if sorted_by else None, entry["number"])

    page = cut([entry for entry in every if test(entry)], place_of, args)
    loaded = [records.load(context.state, kind, entry["id"]) for entry in page.items]
    return connection(page, [record for record in loaded if record is not None])
