"""What is said on a ticket, both ways."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.ticket import Comment, CommentPatch, Visibility
from mappings.rt.comment_r1 import COMMENT
from mappings.rt.wire_rest2 import Account
from mappings.spec import Mapped
from tests.mappings.drafts import lost, refused

from .conftest import ACCOUNT, golden

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

    author_read = COMMENT.to_canonical(replace(record, creator=replace(record.creator, id=author)), ACCOUNT).data.author

    assert (author_read.kind, author_read.kind_raw, author_read.remote_id) == (kind, raw, author)


def html_read(html: str) -> Mapped[Comment]:
    account = msgspec.convert(msgspec.to_builtins(ACCOUNT) | {"messages": {"1005": {"html": html}}}, Account)
    return COMMENT.read(golden("comment-full"), account)


def test_the_class_names_of_a_message_are_no_loss() -> None:
    messages = {"1005": {"plain": "Hi", "html": '<p class="x" dir="rtl">Hi</p>'}}
    account = msgspec.convert(msgspec.to_builtins(ACCOUNT) | {"messages": messages}, Account)

    mapped = COMMENT.read(golden("comment-full"), account)

    assert mapped.data.body_html == '<p dir="rtl">Hi</p>'
    assert "/body_html" not in lost(mapped)


def test_what_is_only_html_is_read_as_text() -> None:
    html = "<style>p {}</style><p>One &amp;\n two</p><ul><li>three</li></ul><script>four()</script>five<br>six"

    mapped = html_read(html)

    assert mapped.data.body_text == "One & two\nthree\nfive\nsix"
    assert lost(mapped)["/body_text"] == "coerced"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<head><title>Mail</title><style>p {}</style><body><p>Hello", "Hello"),
        ("<p>a<![ b</p><p>c</p>", "a\nc"),
        ("a<![ ", "a"),
        (f"a &#{'9' * 5_000}; b", "a \ufffd b"),
        ("1 &lt; 2 &amp;amp; 3&nbsp;x", "1 < 2 &amp; 3 x"),
        ('<p title="a > b">x</p><!-- no -->', "x"),
    ],
)
def test_broken_html_is_read_like_any_other(html: str, text: str) -> None:
    assert html_read(html).data.body_text == text


def test_html_without_end_is_cut_off_in_both_forms() -> None:
    mapped = html_read("<b>x</b>" * 60_000)
    assert lost(mapped)["/body_html"] == "truncated"
    assert mapped.data.body_text == "x" * 50_000
