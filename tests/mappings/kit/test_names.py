"""A full name in two fields reads as the same name again."""

import pytest

from mappings.kit.names import split_name


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
