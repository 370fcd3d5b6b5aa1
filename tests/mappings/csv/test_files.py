"""Exported files: the number and the id of each row, and why a file is refused."""

import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.csv.export import ReadRow, UnreadableExport, count_rows, read_rows
from mappings.csv.layout import Layout
from mappings.csv.rows_r1 import read_row, remote_id_of
from mappings.spec import Unmappable

from .layouts import PLAIN, PLAIN_SETTING, layout


def rows(text: str, of: Layout = PLAIN, encoding: str = "utf-8") -> list[ReadRow]:
    return list(read_rows(io.BytesIO(text.encode(encoding)), of))


def test_rows_are_counted_from_one_and_quoted_by_the_rfc() -> None:
    read_in = rows(
        '\ufeffNo,Note, Name ,Other\r\n1,"two\r\nlines, ""quoted""",Lee,x\r\n\r\n2,,Bell,y\r\n,, ,\r\n  \r\n'
    )
    assert [one.row.row for one in read_in] == [2, 4]
    assert read_in[0].row.cells == {"No": "1", "Note": 'two\r\nlines, "quoted"', "Name": "Lee"}


def test_a_row_is_known_by_the_cells_that_are_read() -> None:
    first, again, other = rows("No,Name,Note,Printed\n1,Lee,,today\n1,Lee,,never\n2,Lee,,today\n")
    assert (first.identity, first.digest) == (again.identity, again.digest)
    assert first.identity != other.identity


def test_a_row_with_too_many_cells_and_a_second_opinion_have_faults() -> None:
    short, first, second = rows("No,Name,Note\n7,Lee\n1,Lee,a\n1,Lee,b\n")
    assert short.row.fault == "has 2 cells, but the header has 3"
    assert first.row.fault is None
    assert second.row.fault == "contradicts row 3, which is about the same record"
    with pytest.raises(Unmappable, match="about the same record; correct the cells and remove fault"):
        read_row(msgspec.json.encode(second.row), PLAIN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("No,Name\n", "the header has no column 'Note'"),
        ("No,Name,Note,Note\n", "the header has the column 'Note' twice"),
        ('No,Name,Note\n1,Lee,ok\n2,"Lee,ok\n', "row 3 is not quoted"),
        ('No,Name,Note\n1,"Lee"x,ok\n', "row 2 is not quoted"),
    ],
)
def test_a_file_that_cannot_be_taken(text: str, reason: str) -> None:
    with pytest.raises(UnreadableExport, match=reason):
        count_rows(io.BytesIO(text.encode()), PLAIN)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("No;Name;Note\n1;Lee;\n".encode("utf-16"), "it is UTF-16, not CSV in utf-8"),
        ("No,Name,Note\n1,Lee,\n".encode("utf-16-be"), "its first row is not valid utf-8"),
        ("No,Näme,Note\n1,Lee,\n".encode("cp1252"), "its first row is not valid utf-8"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08", "it is a ZIP archive, as .xlsx files are"),
        (b"%PDF-1.7\n", "it is a PDF"),
        (b"\x89PNG\r\n\x1a\n\x00", "its first row is not valid utf-8"),
        (b"No;Name;Note\n1;Lee;\n", "with a semicolon as the delimiter it has them all, but the layout says ','"),
        (b"No\tName\tNote\n1\tLee\t\n", "with a tab as the delimiter"),
        (b"No,Name,Remark,Phone\n", "the header has no column 'Note'; its first row has 4 cells"),
        (b"\xef\xbb\xbfNo,Note\n", "the header has no column 'Name'"),
        (b"<!DOCTYPE html>\n", "the header has none of the columns 'No', 'Name', 'Note'; its first row has 1 cell"),
        (b"No,Name,Note\n1," + b"x" * 200_000 + b",\n", "row 2 has a cell of more than 131072 characters"),
    ],
)
def test_what_else_a_file_may_be_is_said(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableExport, match=re.escape(reason)):
        count_rows(io.BytesIO(content), PLAIN)


def test_a_file_that_says_it_is_utf_8_is_not_read_as_another_encoding() -> None:
    file = io.BytesIO("\ufeffCity,No,Name,Note\nKöln,1,Müller,\n".encode())
    with pytest.raises(UnreadableExport, match="it is UTF-8, not CSV in cp1252"):
        count_rows(file, layout(PLAIN_SETTING, encoding="cp1252"))


def test_a_file_without_a_header_is_refused_without_repeating_who_stands_there() -> None:
    with pytest.raises(UnreadableExport) as refused:
        count_rows(io.BytesIO(b"4711,Zoe Quill,zoe@example.com\n"), PLAIN)
    assert "is it the header?" in str(refused.value)
    assert not {"4711", "Zoe", "example.com"} & set(re.split(r"[^a-zA-Z0-9.]", str(refused.value)))


def test_a_key_that_lost_a_letter_is_a_fault_of_its_row() -> None:
    (row,) = read_rows(io.BytesIO("No,Name,Note\nK\xf61,Lee,\n".encode("cp1252")), PLAIN)
    assert row.remote_id is None
    with pytest.raises(Unmappable, match="holds bytes that are not utf-8") as refused:
        read_row(msgspec.json.encode(row.row), PLAIN)
    assert refused.value.path == '$.rows[2]["No"]'


def test_the_file_is_in_the_encoding_of_its_layout() -> None:
    of = layout(PLAIN_SETTING, encoding="cp1252")
    (row,) = rows("No,Name,Note\n1,Müller,€\n", of, "cp1252")
    assert (row.row.cells["Name"], row.row.cells["Note"]) == ("Müller", "€")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3), st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_different_keys_are_different_ids_and_safe_in_a_url(one: list[str], other: list[str]) -> None:
    names = ("a", "b", "c")
    first = remote_id_of(dict(zip(names, one, strict=False)), names[: len(one)])
    second = remote_id_of(dict(zip(names, other, strict=False)), names[: len(other)])
    stripped = [part.strip() for part in one], [part.strip() for part in other]
    printable = all(part.encode(errors="replace").decode() == part for part in (*stripped[0], *stripped[1]))
    if first is not None and second is not None and printable:
        assert (first == second) == (stripped[0] == stripped[1])
        assert all(character.isalnum() or character in "._@+-=~" for character in first)


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=8), st.text(max_size=8)), max_size=8), st.binary())
def test_any_file_is_read_or_refused(lines: list[tuple[int, str, str]], tail: bytes) -> None:
    text = "No,Name,Note\n" + "".join(f"{number},{name},{note}\n" for number, name, note in lines)
    file = io.BytesIO(text.encode(errors="replace") + tail)
    try:
        count = count_rows(file, PLAIN)
    except UnreadableExport:
        return
    assert len(list(read_rows(file, PLAIN))) == count
