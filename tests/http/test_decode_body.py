"""Repeated members of a body are refused, however they are written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from app.errors import InvalidField, MalformedBody
from app.http.decode_body import decode_patch
from app.http.plain_errors import in_words


class Anything(Struct):
    """A body with any value."""

    value: Any = None


_NAMES = st.sampled_from(["a", "b", '"', "\\", "\n", "é", "😀"])
_TEXTS = st.text(alphabet='a"\\\n:{}é', max_size=4)


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.tuples(_NAMES, values), max_size=4).map(tuple) | st.lists(values, max_size=3)


_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | _TEXTS, _objects, max_leaves=8)


@given(_VALUES, st.booleans())
def test_a_body_is_refused_if_a_member_is_repeated(value: Any, in_ascii: bool) -> None:
    body = f'{{"value":{_written(value, in_ascii)}}}'.encode()
    if _repeats(value):
        with pytest.raises(InvalidField) as refused:
            decode_patch(body, Anything)
        assert all(error.detail.startswith("appears more than once") for error in refused.value.errors)
    else:
        decode_patch(body, Anything)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"value":{"a":1,"a":2,"b":"\u0022\u0022"}}',
        rb'{"value":{"a":1,"\u0061":2}}',
        b'{"value":1,"value":"\\"\\""}',
    ],
)
def test_no_escape_hides_a_repeated_member(body: bytes) -> None:
    with pytest.raises(InvalidField):
        decode_patch(body, Anything)


class Payload(Struct):
    """A body with a value that stays raw."""

    value: Raw


@pytest.mark.parametrize("value", [b'"\xff"', b'{"\xff":1}', b'["\xed\xa0\x80"]', b'"\\u00e4\xff"', b"NaN"])
def test_a_raw_value_is_json_in_utf_8_too(value: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_patch(b'{"value":%b}' % value, Payload)


def _written(value: Any, in_ascii: bool) -> str:
    """Return the JSON of a value whose objects are pairs."""
    if isinstance(value, list):
        return f"[{', '.join(_written(one, in_ascii) for one in value)}]"
    if not isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=in_ascii)
    members = (f"{json.dumps(name, ensure_ascii=in_ascii)}: {_written(one, in_ascii)}" for name, one in value)
    return f"{{{', '.join(members)}}}"


def _repeats(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_repeats, value))
    if not isinstance(value, tuple):
        return False
    names = [name for name, _ in value]
    return len(set(names)) < len(names) or any(_repeats(one) for _, one in value)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Expected `float` > 0.0", "must be above 0.0"),
        ("Expected `int` >= 1", "must be at least 1"),
        (
            "Expected `str` matching regex '^evt_[0-9a-f]{36}$'",
            "must be the id of an event, which is evt_ and 36 hexadecimal digits",
        ),
    ],
)
def test_a_refusal_is_in_plain_words(reason: str, words: str) -> None:
    assert in_words(reason) == words
