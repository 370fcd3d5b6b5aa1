"""What is said on a ticket, both ways."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.ticket import CommentPatch, Visibility
from mappings.rt.comment_r1 import COMMENT
from mappings.rt.reading import text_of
from mappings.rt.wire_rest2 import Account

from .conftest import ACCOUNT, golden, lost, refused

line = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(text=line, html=st.booleans(), visibility=st.sampled_from(["public", "private"]))
def test_a_comment_is_correspondence_or_a_comment(text: str, html: bool, visibility: Visibility) -> None:
    name = "body_html" if html else "body_text"

    draft = COMMENT.to_vendor(msgspec.convert({name: text, "visibility": visibility}, CommentPatch), None, ACCOUNT)

    assert draft.refused == ()
    assert draft.body.content == text
    assert draft.body.content_type == ("text/html" if html else "text/plain")
    assert draft.body.private is (visibility == "private")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/body_text"),
        ({"body_text": "  "}, "/body_text"),
        ({"body_text": "a", "body_html": "<b>a</b>"}, "/body_html"),
        ({"body_text": "a", "visibility": "unknown"}, "/visibility"),
    ],
)
def test_a_comment_that_cannot_be_written(body: dict[str, str], pointer: str) -> None:
    assert refused(COMMENT.to_vendor(msgspec.convert(body, CommentPatch), None, ACCOUNT)) == {pointer: "invalid"}


@pytest.mark.parametrize(
    ("author", "kind", "raw"),
    [
        ("bea", "agent", "1"),
        ("livia.keller@faden.example", "customer", "0"),
        ("RT_System", "system", "RT_System"),
        ("somebody", "unknown", None),
    ],
)
def test_an_author_is_one_of_the_desk_or_a_customer(author: str, kind: str, raw: str | None) -> None:
    record = COMMENT.decode(golden("comment-full"))

    told = COMMENT.to_canonical(replace(record, creator=replace(record.creator, id=author)), ACCOUNT).data.author

    assert (told.kind, told.kind_raw, told.remote_id) == (kind, raw, author)


def test_the_end_of_a_head_may_be_left_out() -> None:
    assert text_of("<head><title>Mail</title><style>p {}</style><body><p>Hello") == "Hello"


def test_the_class_names_of_a_message_are_no_loss() -> None:
    messages = {"1005": {"plain": "Hi", "html": '<p class="x" dir="rtl">Hi</p>'}}
    account = msgspec.convert(msgspec.to_builtins(ACCOUNT) | {"messages": messages}, Account)

    mapped = COMMENT.read(golden("comment-full"), account)

    assert mapped.data.body_html == '<p dir="rtl">Hi</p>'
    assert "/body_html" not in lost(mapped)


def test_what_is_only_html_is_read_as_text() -> None:
    html = "<style>p {}</style><p>One &amp;\n two</p><ul><li>three</li></ul><script>four()</script>five<br>six"
    messages = {"1005": {"html": html}}
    account = msgspec.convert(msgspec.to_builtins(ACCOUNT) | {"messages": messages}, Account)

    mapped = COMMENT.read(golden("comment-full"), account)

    assert mapped.data.body_text == "One & two\nthree\nfive\nsix"
    assert lost(mapped)["/body_text"] == "coerced"
