"""The walker reports a record's members truly, at paths without indexes and without personal data."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from canonical.customer import Customer, Email
from mappings.drift import MOST_MEMBERS, NAMED_BY, choices, compare_shape, misfit_of, type_of, value_at
from mappings.registry import VENDORS, AnyMapping
from mappings.spec import VendorDrift, decode


class Part(Struct, frozen=True, kw_only=True):
    """An item of a list."""

    sku: str
    amount: int | None = None


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """A record with everything that wire Structs are made of."""

    id: int
    first_name: str | None = None
    lines: tuple[Part, ...] = ()
    fields: dict[str, str | None] = {}
    anything: msgspec.Raw = msgspec.Raw(b"null")
    parent: "Record | None" = None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
GOOD: dict[str, Any] = {
    "id": 7,
    "firstName": "Ann",
    "lines": [{"sku": "a", "amount": 1}, {"sku": "b"}],
    "fields": {"x": "1", "y": None},
    "anything": {"deep": [1]},
    "parent": {"id": 8},
}


def test_a_record_that_says_no_more_than_it_should_shows_nothing() -> None:
    assert compare_shape(GOOD, Record).members == ()
    assert compare_shape(GOOD, Record).misfits == ()


def test_unread_members_are_listed_once_and_not_looked_into() -> None:
    lines = [{"sku": "a", "weight": {"grams": 5}}, {"sku": "b", "weight": {"grams": 6}}]
    shape = compare_shape(GOOD | {"lines": lines, "score": 0.5, "parent": {"id": 8, "score": 1}}, Record)
    assert [(one.path, one.type) for one in shape.members] == [
        ("$.lines[*].weight", "object"),
        ("$.parent.score", "number"),
        ("$.score", "number"),
    ]


def test_an_unread_member_that_is_null_somewhere_tells_the_type_that_it_has_elsewhere() -> None:
    shape = compare_shape({"id": 1, "lines": [{"sku": "a", "tax": None}, {"sku": "b", "tax": "1.00"}]}, Record)
    assert [(one.path, one.type) for one in shape.members] == [("$.lines[*].tax", "string")]


@pytest.mark.parametrize(
    ("change", "path", "kind", "expected", "actual"),
    [
        ({"id": "7"}, "$.id", "changed_type", "number", "string"),
        ({"firstName": {"value": "Ann"}}, "$.firstName", "changed_type", "null or string", "object"),
        ({"lines": [{"sku": "a"}, {"sku": 4}]}, "$.lines[*].sku", "changed_type", "string", "number"),
        ({"fields": {"x": True}}, "$.fields.*", "changed_type", "null or string", "boolean"),
        ({"lines": [{"amount": 1}]}, "$.lines[*].sku", "missing_field", "string", "nothing"),
        ({"parent": {}}, "$.parent.id", "missing_field", "number", "nothing"),
    ],
)
def test_a_mismatch_is_reported_with_its_path(
    change: dict[str, Any], path: str, kind: str, expected: str, actual: str
) -> None:
    (misfit,) = compare_shape(GOOD | change, Record).misfits
    assert (misfit.path, misfit.kind, misfit.expected, misfit.found) == (path, kind, expected, actual)


@pytest.mark.parametrize(
    "change",
    [{"id": "7"}, {"lines": [{"sku": "a"}, {"sku": 4}]}, {"fields": {"ann@example.com": True}}, {"parent": {}}],
)
def test_what_a_decoder_says_and_what_the_walker_finds_are_the_same_place(change: dict[str, Any]) -> None:
    record = GOOD | change
    with pytest.raises(VendorDrift) as raised:
        decode(msgspec.json.encode(record), Record)
    by_decoder = misfit_of(raised.value.path, raised.value.reason, record)
    (by_walker,) = compare_shape(record, Record).misfits
    words = (by_decoder.path, by_decoder.kind, by_decoder.found)
    assert words == (by_walker.path, by_walker.kind, by_walker.found)


def test_a_reason_of_a_mapping_keeps_its_words_and_no_value() -> None:
    misfit = misfit_of("$.properties.closed_date", "not a date and time", {"properties": {"closed_date": "soon"}})
    assert (misfit.path, misfit.found, misfit.value) == ("$.properties.closed_date", "not a date and time", "soon")
    assert misfit_of("$.a", "Invalid enum value 'Ann'").found == "Invalid enum value"


def test_read_members_without_a_value_are_those_that_are_null_absent_or_blank() -> None:
    assert compare_shape(GOOD, Record).has_value == {
        "$.firstName": True,
        "$.lines": True,
        "$.fields": True,
        "$.anything": True,
        "$.parent": True,
        "$.lines[*].amount": True,
        **{f"$.parent.{name}": False for name in ("firstName", "lines", "fields", "anything", "parent")},
    }
    bare = compare_shape({"id": 1, "firstName": "", "lines": [{"sku": "a", "amount": None}]}, Record).has_value
    assert [path for path, has_value in bare.items() if has_value] == ["$.lines"]
    assert "$.parent.firstName" not in bare, "there is no object that could have it"


class Keyed(Struct, frozen=True, kw_only=True):
    """The keys of a dictionary that a mapping reads."""

    phone: str | None = None
    zip_code: str | None = msgspec.field(name="zip", default=None)


class KeyedRecord(Struct, frozen=True, kw_only=True):
    """A record with such a dictionary."""

    properties: Annotated[dict[str, str | None], Meta(extra={NAMED_BY: (Keyed,)})]
    tags: tuple[str, ...] | UnsetType = UNSET


def test_the_keys_of_a_dictionary_count_where_a_mapping_reads_them() -> None:
    shape = compare_shape({"properties": {"phone": "1", "ann@example.com": "x"}}, KeyedRecord)
    assert shape.has_value == {"$.properties.phone": True, "$.properties.zip": False}, "not all calls return tags"
    assert shape.members == ()


def test_a_mismatch_at_a_key_that_a_mapping_reads_names_the_key() -> None:
    shape = compare_shape({"properties": {"phone": 1, "zip": ["x"], "ann@example.com": 2, "Ann": 3}}, KeyedRecord)
    assert [(one.path, one.found) for one in shape.misfits] == [
        ("$.properties.phone", "number"),
        ("$.properties.zip", "array"),
        ("$.properties.*", "number"),
    ]


def test_names_that_are_data_are_folded() -> None:
    assert [one.path for one in compare_shape({"id": 1, "ann@example.com": 1, "Ann Bell": 2}, Record).members] == [
        "$.*"
    ]
    crowd = {"id": 1} | {f"n{number}": number for number in range(MOST_MEMBERS + 10)}
    assert [one.path for one in compare_shape(crowd, Record).members] == ["$.*"]


@given(JSON)
def test_anything_at_all_can_be_looked_at(record: Any) -> None:
    shape = compare_shape(record, Record)
    for path in [one.path for one in shape.members] + [one.path for one in shape.misfits]:
        assert path.startswith("$")
        # A schema's name may begin with an @ (JSON-LD has such); a person's address has one in its middle.
        assert re.search(r"[^.]@|[\"' ]", path) is None


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), JSON, max_size=6))
def test_the_unread_members_of_an_object_are_those_that_it_has_more(more: dict[str, Any]) -> None:
    read = {"id", "lines", "fields", "anything", "parent"}
    shape = compare_shape({"id": 1} | {name: value for name, value in more.items() if name not in read}, Record)
    assert {one.path.removeprefix("$."): one.type for one in shape.members} == {
        name: type_of(value) for name, value in more.items() if name not in read
    }


@given(JSON)
def test_a_record_that_decodes_has_no_misfits(more: Any) -> None:
    """What msgspec takes strictly is never called a change of type."""
    record = GOOD | {"anything": more, "more": more, "fields": more}
    try:
        decode(msgspec.json.encode(record), Record)
    except VendorDrift:
        assert compare_shape(record, Record).misfits
    else:
        assert not compare_shape(record, Record).misfits


def test_a_value_is_found_at_a_path_with_places() -> None:
    assert value_at(GOOD, "$.lines[1].sku") == "b"
    assert value_at(GOOD, "$.lines[9].sku") is None
    assert value_at(GOOD, "$.fields[...]") is None
    assert value_at(None, "$.id") is None


def test_choices_without_a_word_are_those_that_read_unknown() -> None:
    customer = Customer(
        kind="unknown",
        kind_raw="robot",
        status="unknown",  # the vendor sent nothing
        emails=(Email(address="ann@example.com", type="unknown", type_raw="pager"),) * 2,
    )
    assert [(one.path, one.value) for one in choices(customer)] == [("$.kind", "robot"), ("$.emails[*].type", "pager")]


def record_types() -> Iterator[tuple[str, Any]]:
    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            for number, read_by in enumerate((mapping.record, *(shape.record for shape in mapping.shapes))):
                yield f"{mapping.name}@r{mapping.revision}.{number}", read_by


@pytest.mark.parametrize("read_by", [one for _, one in record_types()], ids=[name for name, _ in record_types()])
def test_every_wire_type_can_be_held_against_a_record(read_by: Any) -> None:
    shape = compare_shape({"quite_new": True}, read_by)
    assert [one.path for one in shape.members] == ["$.quite_new"]


@pytest.mark.parametrize(
    "mapping", [one for vendor in VENDORS.values() for one in vendor.mappings], ids=lambda one: one.name
)
def test_a_record_nested_without_end_is_drift_and_no_accident(mapping: AnyMapping) -> None:
    endless = b'{"endless":' + b"[" * 9000 + b"]" * 9000 + b"}"

    with pytest.raises(VendorDrift, match="nested more deeply"):
        mapping.decode(endless)
