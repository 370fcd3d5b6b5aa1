"""Search: compare terms with the entries of the search index."""

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from emulators.shopify.ids import is_gid, number_of, read_moment
from emulators.shopify.query_language import Term, Test, compiled

JsonRecord = dict[str, Any]
Kind = str  # "Customer" or "Order"

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

# Field of the query language → key of the entry, by the type of comparison.
_TIMES = {
    "Customer": {"created_at": "createdAt", "updated_at": "updatedAt"},
    "Order": {"created_at": "createdAt", "updated_at": "updatedAt", "processed_at": "processedAt"},
}
_NUMBERS = {
    "Customer": {"id": "number"},
    "Order": {"id": "number", "customer_id": "customerNumber"},
}
_TEXTS = {
    "Customer": {
        "email": "email",
        "phone": "phone",
        "first_name": "firstName",
        "last_name": "lastName",
        "state": "state",
        "country": "country",
    },
    "Order": {
        "email": "email",
        "name": "name",
        "confirmation_number": "confirmationNumber",
        "financial_status": "financialStatus",
        "fulfillment_status": "fulfillmentStatus",
        "return_status": "returnStatus",
        "source_name": "sourceName",
        "source_identifier": "sourceIdentifier",
        "po_number": "poNumber",
        "discount_code": "discountCode",
        "test": "test",
    },
}
_LISTS = {"Customer": {"tag": "tags"}, "Order": {"tag": "tags", "sku": "skus", "gateway": "gateways"}}
_MAIN_TEXTS = {"Customer": ("name", "email", "phone"), "Order": ("name", "email", "customerName", "confirmationNumber")}
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
# Older names of statuses that searches still accept.
_STATUS_WORDS = {"unshipped": "unfulfilled", "shipped": "fulfilled", "partial": "partially_fulfilled"}


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled query, and the warnings about unknown fields."""

    test: Test
    warnings: list[JsonRecord]


def search(kind: Kind, query: str | None) -> Search:
    """Compile a query for customers or orders.

    A term on an unknown field is ignored with a warning. As with Shopify, a caller that ignores `extensions.search`
    then takes every record for a match.
    """
    warnings: list[JsonRecord] = []

    def judge(term: Term) -> Test:
        test = _test(kind, term)
        if test is None:
            warnings.append(
                {
                    "field": term.field,
                    "message": "Invalid search field for this query.",
                    "code": "invalid_field",
                }
            )
            return lambda entry: True
        return test

    return Search(test=compiled(query or "", judge), warnings=warnings)


def _test(kind: Kind, term: Term) -> Test | None:
    field = term.field
    if field is None:
        return lambda entry: any(_contains(entry.get(key), term.value) for key in _MAIN_TEXTS[kind])
    if field in _TIMES[kind]:
        return _time_test(_TIMES[kind][field], term)
    if field in _NUMBERS[kind]:
        return _number_test(_NUMBERS[kind][field], term)
    if field in _TEXTS[kind]:
        return _text_test(_TEXTS[kind][field], term)
    if field in _LISTS[kind]:
        key = _LISTS[kind][field]
        return lambda entry: any(_same(value, term.value) for value in entry.get(key, ()))
    if field == "tag_not":
        return lambda entry: not any(_same(value, term.value) for value in entry.get("tags", ()))
    if field == "status" and kind == "Order":
        return _status_test(term.value.lower())
    if field.startswith("metafields."):
        key = field.removeprefix("metafields.")
        return lambda entry: _same(entry.get("metafields", {}).get(key), term.value)
    return None


def _time_test(key: str, term: Term) -> Test:
    wanted = read_moment(term.value)
    if wanted is None:
        return lambda entry: False
    if term.comparator == "=" and len(term.value) == len("2026-01-01"):
        return lambda entry: wanted <= _moment_of(entry, key) < wanted + timedelta(days=1)
    compare = _COMPARE[term.comparator]
    return lambda entry: compare(_moment_of(entry, key), wanted)


def _moment_of(entry: JsonRecord, key: str) -> datetime:
    return read_moment(str(entry.get(key))) or _BEFORE_ALL


def _number_test(key: str, term: Term) -> Test:
    text = number_of(term.value) if is_gid(term.value) else term.value
    try:
        wanted = float(text) if "." in text else int(text)
    except ValueError:
        return lambda entry: False
    compare = _COMPARE[term.comparator]
    return lambda entry: entry.get(key) is not None and compare(entry[key], wanted)


def _text_test(key: str, term: Term) -> Test:
    wanted = _STATUS_WORDS.get(term.value.lower(), term.value) if key == "fulfillmentStatus" else term.value
    if term.comparator == "=":
        # An order's name is found with and without its prefix.
        bare = key == "name"
        return lambda entry: (
            _same(entry.get(key), wanted) or (bare and _same(str(entry.get(key)).lstrip("#"), wanted.lstrip("#")))
        )
    compare = _COMPARE[term.comparator]
    return lambda entry: entry.get(key) is not None and compare(str(entry[key]).lower(), wanted.lower())


def _status_test(wanted: str) -> Test:
    tests: dict[str, Test] = {
        "open": lambda entry: not entry.get("closed") and not entry.get("cancelled"),
        "closed": lambda entry: bool(entry.get("closed")),
        "cancelled": lambda entry: bool(entry.get("cancelled")),
        "not_closed": lambda entry: not entry.get("closed"),
        "any": lambda entry: True,
    }
    return tests.get(wanted, lambda entry: False)


def _same(value: Any, wanted: str) -> bool:
    if value is None:
        return False
    text, wanted = str(value).lower(), wanted.lower()
    return text.startswith(wanted[:-1]) if wanted.endswith("*") else text == wanted


def _contains(value: Any, wanted: str) -> bool:
    return value is not None and wanted.lower().rstrip("*") in str(value).lower()
