"""Any record is either read or refused as drift, and what is read is canonical."""

import contextlib
import copy
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.checks.golden import account_of, records
from mappings.endpoints import ListQuery
from mappings.registry import VENDORS, AnyMapping, AnyVendor
from mappings.spec import Unmappable
from tests.shared_material import ROOT

ACCOUNTS = {name: account_of(vendor, ROOT) for name, vendor in VENDORS.items()}
READ = [
    (vendor, mapping, [msgspec.json.decode(record) for _, record in records(vendor, mapping, ROOT)])
    for vendor in VENDORS.values()
    for mapping in vendor.mappings
]
mappings = pytest.mark.parametrize(
    ("vendor", "mapping", "golden"), READ, ids=[f"{mapping.name}_r{mapping.revision}" for _, mapping, _ in READ]
)
WORDS = st.text(max_size=20) | st.sampled_from(
    ["", "true", "0", "-1", "1e400", "nan", "2026-13-01", "null", "a;b", "{"]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, texts_only: bool) -> Iterator[tuple[Any, Any]]:
    """Every object and array of a record with the names or places of what is in it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        if not texts_only or isinstance(one, str):
            yield value, name
        yield from places(one, texts_only)


def check(vendor: AnyVendor, mapping: AnyMapping, record: Any) -> None:
    with contextlib.suppress(Unmappable):
        data = mapping.read(msgspec.json.encode(record), ACCOUNTS[vendor.name]).data
        assert msgspec.json.decode(msgspec.json.encode(data), type=mapping.model) == data


@mappings
@pytest.mark.parametrize("texts_only", [True, False], ids=["other words", "junk"])
@given(data=st.data())
def test_no_value_breaks_the_reading(
    vendor: AnyVendor, mapping: AnyMapping, golden: list[Any], texts_only: bool, data: st.DataObject
) -> None:
    record = copy.deepcopy(data.draw(st.sampled_from(golden)))
    every = list(places(record, texts_only))
    for inside, name in data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=4, unique_by=id)):
        inside[name] = data.draw(WORDS if texts_only else JUNK)
    check(vendor, mapping, record)


@mappings
@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"nope", b"{}", b"\xff", b"[" * 10_000])
def test_what_is_no_record_is_drift(vendor: AnyVendor, mapping: AnyMapping, golden: list[Any], payload: bytes) -> None:
    with pytest.raises(Unmappable) as drift:
        mapping.read(payload, ACCOUNTS[vendor.name])
    assert drift.value.path.startswith("$")


@mappings
@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_list_may_begin_at_the_edge_of_the_calendar(
    vendor: AnyVendor, mapping: AnyMapping, golden: list[Any], since: str
) -> None:
    list_records = mapping.endpoints.list
    if list_records is not None:
        query = ListQuery(limit=10, updated_since=datetime.fromisoformat(since), parent="1")
        assert list_records(query, ACCOUNTS[vendor.name]).method
