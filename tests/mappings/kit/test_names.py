"""A full name in two fields reads as the same name again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from canonical.customer import CustomerPatch
from mappings.kit.names import full_name, one_name, refuse_long_names, split_name, two_names
from mappings.spec import Notes

WORDS = st.text(st.characters(categories=["L"]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("Ann Lee", "Ann", "Lee"), (" Ann  van Lee ", "Ann  van", "Lee"), (None, "", ""), (" ", "", "")],
)
def test_a_name_is_split_at_its_last_space(name: str | None, first: str, last: str) -> None:
    assert split_name(name, "") == (first, last)
    assert split_name(name, None) == (first or None, last or None)


def test_a_name_of_one_word_goes_where_the_vendor_wants_it() -> None:
    assert split_name("Ann", None) == ("Ann", None)
    assert split_name("Ann", None, single="last") == (None, "Ann")


@pytest.mark.parametrize(
    ("sent", "current", "stored", "lost"),
    [
        ({"display_name": "Ann van Lee"}, (None, None), ("Ann van", "Lee"), True),
        ({"display_name": "Ann"}, (None, None), ("Ann", None), False),
        ({"display_name": " Ann"}, (None, None), ("Ann", None), True),
        ({"display_name": "Ann Lee", "first_name": "Ann"}, (None, None), ("Ann", "Lee"), False),
        ({"display_name": "Ann Lee", "last_name": "Lee", "first_name": None}, (None, None), ("Ann", "Lee"), False),
        ({"display_name": "Ann  Lee", "first_name": "Ann", "last_name": "Lee"}, (None, None), ("Ann", "Lee"), True),
        ({"display_name": "ann LEE", "first_name": "Ann", "last_name": "Lee"}, (None, None), ("Ann", "Lee"), True),
        ({"display_name": "Bo Lee", "first_name": "Ann", "last_name": "Lee"}, (None, None), ("Ann", "Lee"), True),
        ({"display_name": "Ann  Lee", "first_name": "Ann ", "last_name": "Lee"}, (None, None), ("Ann ", "Lee"), True),
        ({"display_name": "Ann", "first_name": None, "last_name": " Ann"}, (None, None), (None, " Ann"), True),
        # The present first name stays: it is not cleared.
        ({"display_name": "Lee", "last_name": "Lee"}, ("Bo", "Ray"), (UNSET, "Lee"), True),
        ({"display_name": "Ann Lee", "last_name": "Lee"}, ("Bo", "Ray"), ("Ann", "Lee"), False),
        ({"display_name": "Ann Lee"}, ("Ann", "Lee"), (UNSET, UNSET), False),
        ({"display_name": "Ann Lee", "first_name": None, "last_name": None}, ("Ann", "Lee"), (UNSET, UNSET), False),
        ({"display_name": None}, ("Ann", "Lee"), (None, None), False),
        ({"display_name": None}, (None, None), (UNSET, UNSET), False),
        ({"display_name": "", "first_name": "Ann"}, ("Bo", "Lee"), ("Ann", UNSET), False),
        # Of a record that is sent back, the name that was changed counts.
        ({"display_name": "Bo Lee", "first_name": "Ann", "last_name": "Lee"}, ("Ann", "Lee"), ("Bo", "Lee"), True),
        ({"display_name": "Ann Lee", "first_name": "Bo", "last_name": "Lee"}, ("Ann", "Lee"), ("Bo", "Lee"), True),
    ],
)
def test_a_display_name_becomes_first_and_last_name(
    sent: dict[str, Any], current: tuple[str | None, str | None], stored: tuple[Any, Any], lost: bool
) -> None:
    notes = Notes()
    patch = two_names(CustomerPatch(**sent), current, "Shop", notes)

    assert (patch.display_name, patch.first_name, patch.last_name) == (UNSET, *stored)
    assert [(one.path, one.kind) for one in notes.loss] == ([("/display_name", "coerced")] if lost else [])
    assert notes.refused == []


@pytest.mark.parametrize(
    "sent",
    [
        {"last_name": "Lee"},
        {"last_name": "van Lee"},
        {"first_name": "Ann B", "last_name": None},
        {"first_name": "Ann B"},
    ],
)
def test_a_part_that_is_the_whole_name_is_not_added_again(sent: dict[str, Any]) -> None:
    stored = one_name(CustomerPatch(**sent), None, "Desk", Notes()).display_name
    assert isinstance(stored, str)
    assert one_name(CustomerPatch(**sent), stored, "Desk", Notes()).display_name is UNSET


@pytest.mark.parametrize("name", ["Teller", "Tella"])
@pytest.mark.parametrize(("stored", "part", "other"), [(("Teller", ""), 0, "last"), ((None, "Teller"), 1, "first")])
def test_an_only_name_stays_in_its_part(
    stored: tuple[str | None, str | None], part: int, other: str, name: str
) -> None:
    """Salesforce has it as the last name, others as the first one: it is not doubled."""
    notes = Notes()
    sent: dict[str, Any] = {"display_name": name, f"{other}_name": name}
    patch = two_names(CustomerPatch(**sent), stored, "Shop", notes)

    assert (patch.first_name, patch.last_name) == ((name, UNSET) if part == 0 else (UNSET, name))
    assert [(one.path, one.kind) for one in notes.loss] == [(f"/{other}_name", "coerced")]


@given(first=WORDS, last=WORDS)
def test_a_name_that_is_split_and_joined_is_the_same(first: str, last: str) -> None:
    whole = one_name(CustomerPatch(first_name=first, last_name=last), None, "Desk", Notes()).display_name
    parts = two_names(CustomerPatch(display_name=whole), (None, None), "Shop", Notes())

    assert isinstance(parts.first_name, str)
    assert isinstance(parts.last_name, str)
    assert full_name(parts.first_name, parts.last_name) == whole == f"{first} {last}"


@pytest.mark.parametrize(
    ("sent", "written", "pointer"),
    [
        ({"first_name": "Ann  " + "x" * 9}, "Ann  " + "x" * 9, "/first_name"),
        ({"first_name": "Ann  " + "x" * 9, "display_name": "A", "company_name": "C"}, "Ann  " + "x" * 9, "/first_name"),
        ({"first_name": "", "company_name": "C"}, "start.of.the.address", "/last_name"),
        (dict.fromkeys(("display_name", "first_name", "last_name", "company_name"), "A"), "b" * 11, "/last_name"),
    ],
)
def test_a_long_name_is_refused_at_a_field_that_was_sent(sent: dict[str, Any], written: str, pointer: str) -> None:
    notes = Notes()
    refuse_long_names(CustomerPatch(**sent), notes, (written, 10))
    assert [one.pointer for one in notes.refused] == [pointer]
