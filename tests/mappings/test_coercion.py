"""Records whose scalars are spelled otherwise than documented mean what they meant; nonsense is refused as before."""

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import coercion
from mappings.checks.golden import account_of, records
from mappings.registry import VENDORS, AnyMapping, AnyVendor
from mappings.spec import Unmappable, VendorDrift, decode_loosely

ROOT = Path(__file__).parents[2]
COERCING = [
    (vendor, mapping, name, json.loads(bytes(record), parse_float=Decimal))
    for vendor in VENDORS.values()
    for mapping in vendor.mappings
    if mapping.coerces
    for name, record in records(vendor, mapping, ROOT)
]
FREE = ("meta_data", "metadata", "variant_option_values")
"""Members whose values are anybody's, so that their types mean something."""


def written(value: Any) -> bytes:
    """The JSON of a record whose fractions are decimals."""
    return msgspec.json.Encoder(decimal_format="number").encode(value)


def respelled(draw: st.DrawFn, value: Any, name: str = "") -> Any:
    """The same in other words: each scalar, empty list and list of objects in one of the spellings that are met."""
    if isinstance(value, dict):
        members = {key: one if key == "value" else respelled(draw, one, key) for key, one in value.items()}
        return members if value or name in FREE else draw(st.sampled_from([{}, []]))
    if isinstance(value, list):
        items = [respelled(draw, one) for one in value]
        if any(not isinstance(one, dict) for one in items):
            return items
        return draw(st.sampled_from([items, {str(place): one for place, one in enumerate(items)}]))
    spellings = others(value)
    return draw(st.sampled_from([value, *spellings])) if spellings else value


def others(value: Any) -> list[Any]:
    """Other spellings of a scalar."""
    if isinstance(value, bool):
        return [str(value).lower(), int(value), "yes" if value else "no"]
    if isinstance(value, int | Decimal):
        return [str(value)]
    if value == "":
        return [None, False]
    if isinstance(value, str) and value.isascii() and value.replace(".", "", 1).lstrip("-").isdecimal():
        return [number for number in [json.loads(value, parse_float=Decimal)] if format(number, "f") == value]
    return []


@pytest.mark.parametrize(("vendor", "mapping", "name", "record"), COERCING, ids=[name for _, _, name, _ in COERCING])
@given(data=st.data())
def test_what_is_spelled_otherwise_means_the_same(
    vendor: AnyVendor, mapping: AnyMapping, name: str, record: Any, data: st.DataObject
) -> None:
    account = account_of(vendor, ROOT)
    compared = {key: one for key, one in record.items() if key not in FREE}
    other = data.draw(st.composite(respelled)(compared)) | {key: record[key] for key in FREE if key in record}
    assert mapping.read(written(other), account) == mapping.read(written(record), account)


class Part(msgspec.Struct, frozen=True):
    """Something with one of everything."""

    key: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")
    text: str = "none"
    maybe: str | None = None
    count: int = 0
    share: float = 0.0
    either: int | float = 0
    is_on: bool = False


class Whole(msgspec.Struct, frozen=True):
    """Something that has parts."""

    id: int
    parts: tuple[Part, ...] = ()
    wholes: tuple[msgspec.Raw, ...] = ()
    part: Part = Part()
    anything: msgspec.Raw = msgspec.Raw(b"null")


def read(body: str) -> Whole:
    return decode_loosely(body.encode(), Whole)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ('"text": 12345', Part(text="12345")),
        ('"text": 19.90', Part(text="19.90")),
        ('"text": 100000000000000000000000001', Part(text="100000000000000000000000001")),
        ('"text": true', Part(text="true")),
        ('"text": false', Part(text="none")),
        ('"text": null', Part(text="none")),
        ('"maybe": 7', Part(maybe="7")),
        ('"maybe": false', Part(maybe=None)),
        ('"count": "12"', Part(count=12)),
        ('"count": 12.0', Part(count=12)),
        ('"count": ""', Part(count=0)),
        ('"share": "12.5"', Part(share=12.5)),
        ('"either": "2"', Part(either=2)),
        ('"either": "1.5"', Part(either=1.5)),
        ('"is_on": "yes"', Part(is_on=True)),
        ('"is_on": 1', Part(is_on=True)),
        ('"is_on": ""', Part(is_on=False)),
    ],
)
def test_a_scalar_is_read_by_what_it_says(member: str, value: Part) -> None:
    assert read(f'{{"id": "1", "part": {{{member}}}}}') == Whole(id=1, part=value)


@pytest.mark.parametrize(
    ("member", "parts"),
    [
        ('"parts": {"1": {"text": "a"}, "3": {"text": "b"}}', (Part(text="a"), Part(text="b"))),
        ('"parts": {"size": 5, "colour": "blue"}', None),
        ('"parts": {}', ()),
        ('"parts": ""', ()),
        ('"parts": null', ()),
        ('"parts": [null, {"text": 5}]', (Part(text="5"),)),
        ('"part": []', ()),
    ],
)
def test_an_array_may_be_an_object(member: str, parts: tuple[Part, ...] | None) -> None:
    parts_read = read(f'{{"id": 1, {member}}}').parts
    assert parts_read == parts if parts is not None else [one.key for one in parts_read] == ["size", "colour"]


@pytest.mark.parametrize(
    ("member", "path"),
    [
        ('"id": "12.50"', "$.id"),
        ('"id": "one"', "$.id"),
        ('"id": null', "$.id"),
        ('"id": 1, "part": {"text": {"a": 1}}', "$.part.text"),
        ('"id": 1, "part": {"count": "12.5"}', "$.part.count"),
        ('"id": 1, "part": {"count": 1e300}', "$.part.count"),
        ('"id": 1, "part": {"text": 1e999999999}', "$"),
        ('"id": 1, "part": {"is_on": "perhaps"}', "$.part.is_on"),
        ('"id": 1, "parts": "none"', "$.parts"),
        ('"id": 1, "wholes": {"id": 7}', "$.wholes"),
        ('"id": 1, "wholes": {"1": 7}', "$.wholes"),
        ('"part": {}', "$"),
    ],
)
def test_what_leaves_a_doubt_is_refused_with_its_place(member: str, path: str) -> None:
    with pytest.raises(VendorDrift) as refusal:
        read(f"{{{member}}}")
    assert refusal.value.path.startswith(path)


def test_digits_of_what_is_anybodys_stay_as_they_were_written() -> None:
    assert bytes(read('{"id": "1", "anything": {"a": 19.90}}').anything) == b'{"a":19.90}'


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.parametrize(("vendor", "mapping", "name", "record"), COERCING[:1] + COERCING[-1:])
@given(data=st.data())
def test_no_junk_in_a_record_breaks_the_reading(
    vendor: AnyVendor, mapping: AnyMapping, name: str, record: Any, data: st.DataObject
) -> None:
    account = account_of(vendor, ROOT)
    broken = record | {data.draw(st.sampled_from(sorted(record))): data.draw(JUNK)}
    with suppress(Unmappable):
        assert mapping.read(written(broken), account).data


@given(record=st.binary() | st.text().map(str.encode))
def test_no_bytes_break_the_reading(record: bytes) -> None:
    with suppress(VendorDrift):
        assert decode_loosely(record, Whole)


def test_a_record_that_fits_is_never_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coercion, "fitted", None)
    assert read('{"id": 1}') == Whole(id=1)
