"""Shopify's search syntax, as far as a list uses it: `updated_at:>='2026-01-01T00:00:00Z' AND name:"#1"`.

A term is a field, a comparator (`:`, `:>`, `:>=`, `:<`, `:<=`) and a value, which is quoted or ends at a space. AND
binds tighter than OR. A term on an unknown field is ignored, as at Shopify: a caller takes every record for a match.
"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from emulators.shopify.ids import read_moment

JsonRecord = dict[str, Any]

_TOKEN = re.compile(
    r"""
    (?P<either>OR(?=\s|$))
    | (?P<field>\w+):(?P<comparator>>=|<=|>|<)?
      (?: '(?P<single>(?:\\.|[^'\\])*)' | "(?P<double>(?:\\.|[^"\\])*)" | (?P<bare>\S+) )
    """,
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison."""

    field: str
    comparator: str
    value: str


Test = Callable[[JsonRecord], bool]
Judge = Callable[[Term], Test]


def compiled(query: str, judge: Judge) -> Test:
    """Compile a query into one test of a record; `judge` compiles each term. An empty query matches all."""
    groups: list[list[Test]] = [[]]
    for match in _TOKEN.finditer(query):
        if match["either"]:
            groups.append([])
            continue
        term = Term(field=match["field"], comparator=match["comparator"] or "=", value=_value(match))
        groups[-1].append(judge(term))
    return lambda record: any(all(test(record) for test in group) for group in groups)


def entry_test(term: Term) -> Test:
    """Compile a term for the entries of the search index, of customers and orders."""
    if term.field == "updated_at":
        wanted, compare = read_moment(term.value), _COMPARE[term.comparator]
        return lambda entry: wanted is not None and compare(_updated(entry), wanted)
    if term.field == "id":
        return lambda entry: str(entry["number"]) == term.value
    if term.field == "customer_id":
        return lambda entry: str(entry.get("customerNumber")) == term.value
    if term.field == "email":
        return lambda entry: _same(entry.get("email"), term.value)
    if term.field == "name":
        # An order's name is found with and without its prefix.
        return lambda entry: _same(str(entry.get("name")).lstrip("#"), term.value.lstrip("#"))
    if term.field == "status":
        return _STATUS.get(term.value, lambda entry: False)
    return lambda entry: True


_STATUS: dict[str, Test] = {
    "open": lambda entry: not entry.get("closed") and not entry.get("cancelled"),
    "closed": lambda entry: bool(entry.get("closed")),
    "cancelled": lambda entry: bool(entry.get("cancelled")),
}


def _value(match: re.Match[str]) -> str:
    quoted = match["single"] if match["single"] is not None else match["double"]
    return match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _updated(entry: JsonRecord) -> datetime:
    return read_moment(str(entry.get("updatedAt"))) or _BEFORE_ALL


def _same(value: Any, wanted: str) -> bool:
    return value is not None and str(value).lower() == wanted.lower()
