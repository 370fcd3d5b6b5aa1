"""The root lists of customers and orders, filtered through the index, sorted and paged."""

from typing import Any

from emulators.shopify import index, records
from emulators.shopify.connections import Place, connection, cut
from emulators.shopify.context import Context
from emulators.shopify.search import Search, search

JsonRecord = dict[str, Any]

# Sort key → key of the index entry. This index has no RELEVANCE: the order is then by id.
_SORTED_BY = {
    "CREATED_AT": "createdAt",
    "CURRENT_TOTAL_PRICE": "currentTotalPrice",
    "CUSTOMER_NAME": "customerName",
    "DESTINATION": "destination",
    "FINANCIAL_STATUS": "financialStatus",
    "FULFILLMENT_STATUS": "fulfillmentStatus",
    "LOCATION": "country",
    "NAME": "name",
    "ORDER_NUMBER": "orderNumber",
    "PO_NUMBER": "poNumber",
    "PROCESSED_AT": "processedAt",
    "TOTAL_ITEMS_QUANTITY": "itemsQuantity",
    "TOTAL_PRICE": "totalPrice",
    "UPDATED_AT": "updatedAt",
}


def of_kind(context: Context, kind: str, path: list[str | int], args: JsonRecord) -> JsonRecord:
    """`customers(…)` or `orders(…)`. With a `query`, the lagging search index answers."""
    entries = matching(context, kind, path, args.get("query"))
    return _listed(context, kind, entries, args)


def of_customer(context: Context, customer: str, path: list[str | int], args: JsonRecord) -> JsonRecord:
    """Return the orders of one customer."""
    condition = _condition(context, records.ORDER, path, args.get("query"))
    entries = [entry for entry in index.orders_of(context.state, customer) if condition.test(entry)]
    return _listed(context, records.ORDER, entries, args)


def matching(context: Context, kind: str, path: list[str | int], query: str | None) -> list[JsonRecord]:
    """Return the index entries that match a query."""
    condition = _condition(context, kind, path, query)
    every = index.entries(context.state, kind, now=context.now, lagging=bool(query))
    return [entry for entry in every if condition.test(entry)]


def counted(entries: list[JsonRecord], limit: int | None) -> JsonRecord:
    """Return a `Count` that stops at `limit`."""
    if limit is None or len(entries) <= limit:
        return {"count": len(entries), "precision": "EXACT"}
    return {"count": limit, "precision": "AT_LEAST"}


def _condition(context: Context, kind: str, path: list[str | int], query: str | None) -> Search:
    condition = search(kind, query)
    if condition.warnings:
        context.search_notes.append({"path": path, "query": query, "warnings": condition.warnings})
    return condition


def _listed(context: Context, kind: str, entries: list[JsonRecord], args: JsonRecord) -> JsonRecord:
    sorted_by = _SORTED_BY.get(args.get("sortKey") or "")

    def place_of(entry: JsonRecord) -> Place:
        return (entry.get(sorted_by) if sorted_by else None, entry["number"])

    page = cut(entries, place_of, args)
    loaded = [records.load(context.state, kind, entry["id"]) for entry in page.items]
    return connection(page, [record for record in loaded if record is not None])
