"""Problems contain no personal data, even if a vendor or a parser repeats some."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidField, NotFound, VendorRejected
from app.problem_document import FieldError, ProblemDocument, VendorSays, document_of
from app.redaction import addresses_in, shape_of, without_people, word_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Email: ann.o'neil+x@mail.example.com is already used.", "Email: ann.o'(e-mail) is already used."),
        ("<ann@example.com>, BOB@EXAMPLE.COM; jörg@münchen.example", "<(e-mail)>, (e-mail); (e-mail)"),
        ("There is no route /v1/customers/ann%40example.com", "There is no route /v1/customers/(e-mail)"),
        ("no customer hubspot:ann@example.com", "no customer hubspot:(e-mail)"),
        ("call +49301234567 or 0049301234567", "call (phone) or (phone)"),
        ("X-Correlation-ID is not 1-128 characters of [A-Za-z0-9._:/+=@-], sent once.",) * 2,
        ("At 2026-05-01T09:30:00+02:00 run a@b had 1234567890 of 00 and 5+6.",) * 2,
        ("",) * 2,
    ],
)
def test_what_looks_like_a_person_is_left_out(text: str, expected: str) -> None:
    assert without_people(text) == expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('{"email":"ann@example.com"}', "ann@example.com"),
        ("Ask ann.b+x@mail.example.com.", "ann.b+x@mail.example.com"),
        ("/customers?email=ann%2Bx%40example.com&limit=1", "ann+x@example.com"),
        (r'"Hello\nann@example.com"', "ann@example.com"),
        ("name='o'neil@example.com'", "o'neil@example.com"),
        ("name='ann@example.com'", "ann@example.com"),
        ("<mailto:ann@example.com>", "ann@example.com"),
    ],
)
def test_addresses_are_found_where_they_may_stand(text: str, address: str) -> None:
    assert address in set(addresses_in(text))


@given(
    before=st.text(" \t,;:()<>'\"[]{}/|", max_size=5),
    user=st.from_regex(r"\A[a-z0-9.+_-]{1,40}\Z"),
    after=st.text(" ,;", max_size=5),
)
def test_no_address_survives(before: str, user: str, after: str) -> None:
    assert "@" not in without_people(f"{before}{user}@mail.example.com{after}")


@given(st.text(max_size=3000))
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(without_people(text), str)


def problem_document(problem: NotFound | InvalidField | VendorRejected) -> ProblemDocument:
    return document_of(problem, public_url="https://a.example", instance="/v1/x/ann@example.com", correlation_id="r")


def test_every_part_of_a_problem_is_looked_through() -> None:
    says = VendorSays(connection="zendesk", detail="Email: ann@example.com is used")
    document = problem_document(VendorRejected("Zendesk answered: ann@example.com is used.", vendor=says))
    assert (document.detail, document.instance) == ("Zendesk answered: (e-mail) is used.", "/v1/x/(e-mail)")
    assert document.vendor == VendorSays(connection="zendesk", detail="Email: (e-mail) is used")
    wrong = problem_document(InvalidField.at("/emails/0", "ann@example.com is none"))
    assert wrong.errors == (FieldError(pointer="/emails/0", detail="(e-mail) is none"),)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("Ann.Bell+x@example.com", '"xxx.xxxx+x@xxxxxxx.xxx"'),
        ("+49 30 1234", '"+00 00 0000"'),
        ("Größe 7", '"xxxxx 0"'),
        ("राम", '"xxx"'),
        ("Ann\0Bell\r\n", '"xxxxxxxxxx"'),
        (-12.5, "-00.0"),
        (1234, "0000"),
        (True, "true"),
        (None, "null"),
        ([], "[]"),
        (["Ann", "Bob"], '["xxx", …]'),
        ({"score": 0.82, "label": "good"}, '{*: 0.00, label: "xxxx"}'),
        ({"createdAt": None, "Email": "a@b.example"}, '{createdAt: null, Email: "x@x.xxxxxxx"}'),
        ({"Ann": True, "lee_bell": True, "id": 7}, "{*: true, *: true, id: 0}"),
        ({"Ann Bell": 1, "deep": {"x": 1}}, "{*: 0, *: {…}}"),
    ],
)
def test_a_shape_shows_what_a_value_looks_like(value: Any, shape: str) -> None:
    assert shape_of(value) == shape


@given(st.text(max_size=60))
def test_a_shape_keeps_no_letter_and_no_digit_of_a_text(text: str) -> None:
    assert not any(sign.isalpha() and sign != "x" for sign in shape_of(text))
    assert not any(sign.isdecimal() and sign != "0" for sign in shape_of(text))
    assert all(" " <= sign <= "~" for sign in shape_of(text).replace("…", ""))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("awaiting_vendor", "awaiting_vendor"),
        ("QUANTUM-ENTANGLED.2", "QUANTUM-ENTANGLED.2"),
        (999000111, "999000111"),
        ("Waiting for Ann", '"xxxxxxx xxx xxx"'),
        ("ann@example.com", '"xxx@xxxxxxx.xxx"'),
        ("+49301234567", '"+00000000000"'),
    ],
)
def test_a_word_of_a_program_is_shown_and_anything_else_is_not(value: Any, word: str) -> None:
    assert word_of(value) == word
