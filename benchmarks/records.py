"""Records to translate, as bytes: for every mapping revision the golden record with the most fields, one of each kind
of an object with several kinds, and orders of twenty lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Raw

from benchmarks.long_orders import LINES, LONG_ORDERS
from mappings.checks.golden import cases, unwrapped
from mappings.registry import VENDORS, AnyMapping, AnyVendor
from mappings.release import name_of
from mappings.spec import ReadShape

ROOT: Final = Path(__file__).parents[1]
FACTS: Final[dict[str, dict[str, Any]]] = {
    "salesforce": {"currency": "EUR"},
    "shopify": {"currency": "EUR", "domain": "nordic-seams.myshopify.com"},
}
"""Account facts that a record needs. There are no custom fields: their cost depends on how many are configured."""


class Subject(NamedTuple):
    """One record to translate, and its mapping. `shape` if it is not in the API's own shape."""

    title: str
    record: bytes
    mapping: AnyMapping
    account: Any
    shape: ReadShape[Any, Any] | None = None


def subjects() -> Iterator[Subject]:
    """Yield the records in the API's own shape."""
    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            yield from (one for one in _chosen(vendor, mapping) if one.shape is None)
            if mapping.object == "order" and vendor.name in LONG_ORDERS:
                (bare,) = vendor.unwrap(LONG_ORDERS[vendor.name](), "order")
                yield Subject(f"{name_of(mapping)}, {LINES} lines", bytes(bare), mapping, account_of(mapping))


def webhooks() -> Iterator[Subject]:
    """Yield the records of webhooks in another shape."""
    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            yield from (one for one in _chosen(vendor, mapping) if one.shape is not None)


def account_of(mapping: AnyMapping) -> Any:
    """Return account facts for a translation."""
    return mapping.account(**FACTS.get(mapping.vendor, {}))


def _chosen(vendor: AnyVendor, mapping: AnyMapping) -> Iterator[Subject]:
    """Yield one golden record of each shape and kind: the full one, else the longest."""
    chosen: dict[str, tuple[bool, int, Subject]] = {}
    for case in cases(vendor, ROOT):
        if case.object != mapping.object or case.revision != 1:
            continue
        for record in unwrapped(vendor, mapping, case.sent):
            subject = _subject(mapping, record)
            candidate = case.name.endswith("-full"), len(subject.record), subject
            chosen[subject.title] = max(candidate, chosen.get(subject.title, candidate), key=lambda one: one[:2])
    for _, _, subject in chosen.values():
        yield subject


def _subject(mapping: AnyMapping, record: Raw) -> Subject:
    # Without the spaces of the file, as vendors send it.
    compact = msgspec.json.encode(msgspec.json.decode(record))
    names = frozenset(msgspec.json.decode(record, type=dict[str, Raw]))
    shape = next((one for one in mapping.shapes if one.matches(names)), None)
    title = name_of(mapping)
    if shape is not None:
        title += ", webhook"
    elif get_args(mapping.record):
        title += f", {type(mapping.decode(record)).__name__}"
    return Subject(title, compact, mapping, account_of(mapping), shape)
