"""Comments of Zendesk tickets: written through the ticket, read from its list, found again by the operation's name."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.ticket import CommentPatch, Visibility
from mappings.endpoints import ListQuery
from mappings.http import VendorReply
from mappings.spec import Unmappable
from mappings.zendesk.comment_r1 import COMMENT
from mappings.zendesk.wire_v2 import Account, CommentWrite
from tests.mappings.drafts import on_the_wire, refused, reply
from tests.required import required

from .conftest import Desk, read_any
from .test_ticket_write import TEXT, create

ENDPOINTS = COMMENT.endpoints


def body_of(patch: dict[str, Any], account: Account) -> CommentWrite:
    draft = COMMENT.to_vendor(msgspec.convert(patch, CommentPatch), None, account)
    assert draft.refused == ()
    return draft.body


def say(zendesk: Desk, ticket_id: str, patch: dict[str, Any], account: Account, marker: str = "op_9") -> VendorReply:
    return zendesk.must(required(ENDPOINTS.create)(body_of(patch, account), marker, ticket_id, account))


@given(text=TEXT, private=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_reads_back_from_the_answer_and_from_the_list(
    zendesk: Desk, account: Account, text: str, private: bool
) -> None:
    ticket_id = create(zendesk, {"description": "Stuck"}, account, f"op_{text}")
    visibility = "private" if private else "public"

    answer = say(zendesk, ticket_id, {"body_text": text, "visibility": visibility}, account)

    result = required(ENDPOINTS.write_result)(answer, "comment")
    returned = read_any(bytes(required(result.record)), COMMENT, account)
    query = ListQuery(limit=100, parent=ticket_id)
    page = required(ENDPOINTS.page)(zendesk.must(required(ENDPOINTS.list)(query, account)), query, account)
    listed = read_any(bytes(page.records[-1]), COMMENT, account)
    assert returned.data == listed.data
    assert (returned.data.body_text, returned.data.visibility) == (text, visibility)
    assert (returned.data.author.kind, returned.data.author.name) == ("agent", "Dev Admin")
    assert result.remote_id == listed.remote.id


def test_html_is_shown_without_what_could_do_harm(zendesk: Desk, account: Account) -> None:
    ticket_id = create(zendesk, {"description": "Stuck"}, account)

    answer = say(zendesk, ticket_id, {"body_html": "<p onclick='x()'>Try <b>this</b><script>x()</script></p>"}, account)

    result = required(ENDPOINTS.write_result)(answer, "comment")
    mapped = read_any(bytes(required(result.record)), COMMENT, account)
    assert mapped.data.body_html == "<p>Try <b>this</b></p>"
    assert [(loss.path, loss.kind) for loss in mapped.loss] == [("/body_html", "coerced")]


WRAPPER = '<div class="zd-comment" dir="auto">'


@pytest.mark.parametrize(
    ("html", "read"),
    [
        (f'{WRAPPER}<p dir="rtl">Hello<br></p></div>', '<p dir="rtl">Hello<br></p>'),
        (f"{WRAPPER}<div>Hello</div><div>Ann</div></div>\n", "<div>Hello</div><div>Ann</div>"),
        (f"{WRAPPER}Hello</div><div>Ann</div>", '<div dir="auto">Hello</div><div>Ann</div>'),
        ("<div>Hello</div>", "<div>Hello</div>"),
    ],
)
def test_a_comment_reads_without_the_wrapper_of_zendesk(account: Account, html: str, read: str) -> None:
    mapped = COMMENT.read(msgspec.json.encode({"id": 7, "author_id": None, "html_body": html}), account)

    assert mapped.data.body_html == read
    assert mapped.loss == ()


def test_a_lost_comment_is_found_by_its_operation(zendesk: Desk, account: Account) -> None:
    assert ENDPOINTS.marked is not None
    ticket_id = create(zendesk, {"description": "Stuck"}, account)
    for number in range(3):
        made = say(zendesk, ticket_id, {"body_text": f"Try {number}"}, account, f"op_{number}")
        if number == 1:
            wanted = required(ENDPOINTS.write_result)(made, "comment").remote_id
    zendesk.now += 3600

    request = required(required(ENDPOINTS.find_marker)("op_1", ticket_id, None, account))

    last_answer = zendesk.must(request)
    assert ENDPOINTS.marked(last_answer, "op_1") == wanted
    assert ENDPOINTS.marked(last_answer, "op_7") is None


def test_pages_go_on_until_the_last_comment(zendesk: Desk, account: Account) -> None:
    ticket_id = create(zendesk, {"description": "0"}, account)
    for number in range(1, 5):
        say(zendesk, ticket_id, {"body_text": str(number)}, account)

    texts: list[str] = []
    query = ListQuery(limit=2, parent=ticket_id)
    while True:
        page = required(ENDPOINTS.page)(zendesk.must(required(ENDPOINTS.list)(query, account)), query, account)
        texts += [read_any(bytes(record), COMMENT, page.account).data.body_text for record in page.records]
        if page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)

    assert texts == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("patch", "wire"),
    [
        ({"body_text": "Hello"}, {"body": "Hello", "public": True}),
        ({"body_html": "<p>Hello</p>"}, {"html_body": "<p>Hello</p>", "public": True}),
        ({"body_text": "Hello", "visibility": "private"}, {"body": "Hello", "public": False}),
    ],
)
def test_a_comment_is_sent_as_it_was_written(patch: dict[str, Any], wire: dict[str, Any], account: Account) -> None:
    assert on_the_wire(body_of(patch, account)) == wire


@pytest.mark.parametrize(
    ("patch", "kinds"),
    [
        ({}, {"/body_text": "invalid"}),
        ({"body_text": "  "}, {"/body_text": "invalid"}),
        ({"body_text": "a", "visibility": "unknown"}, {"/visibility": "invalid"}),
    ],
)
def test_what_is_no_comment_is_refused(patch: dict[str, Any], kinds: dict[str, str], account: Account) -> None:
    draft = COMMENT.to_vendor(msgspec.convert(patch, CommentPatch), None, account)

    assert refused(draft) == kinds


@pytest.mark.parametrize("visibility", get_args(Visibility))
def test_every_visibility_is_written_or_refused(visibility: str, account: Account) -> None:
    draft = COMMENT.to_vendor(
        msgspec.convert({"body_text": "a", "visibility": visibility}, CommentPatch), None, account
    )

    assert (draft.refused == ()) is (visibility in ("public", "private"))


def test_an_answer_without_a_comment_is_not_taken_for_one() -> None:
    silent = reply(b'{"ticket":{"id":1},"audit":{"created_at":"2026-05-02T07:10:00Z","events":[{"type":"Change"}]}}')

    with pytest.raises(Unmappable, match="no comment"):
        required(ENDPOINTS.write_result)(silent, "comment")
