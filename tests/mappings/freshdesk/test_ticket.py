"""Tickets and what is said on them, both ways."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.ticket import CommentPatch, TicketPatch
from mappings.freshdesk.comment_r1 import COMMENT
from mappings.freshdesk.ticket_r1 import TICKET
from mappings.freshdesk.wire_v2 import Account, Ticket, TicketWrite
from mappings.spec import Draft
from tests.mappings.drafts import lost, on_the_wire, refused
from tests.mappings.references import naming
from tests.required import required

from .conftest import ACCOUNT, golden

CURRENT: Ticket = TICKET.decode(golden("ticket-full"))
NEW = {"subject": "Foot", "description": "Stuck", "requester": {"email": "livia@faden.example"}}


def drafted(body: dict[str, Any], current: Ticket | None = CURRENT, account: Account = ACCOUNT) -> Draft[TicketWrite]:
    """A write, as a caller's JSON."""
    return TICKET.to_vendor(msgspec.convert(body, TicketPatch), current, account)


def sent(body: dict[str, Any], current: Ticket | None = CURRENT) -> dict[str, Any]:
    """What goes out for a write that is not refused."""
    draft = drafted(body, current)
    assert draft.refused == ()
    return on_the_wire(draft.body)


line = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
id = st.one_of(st.none(), st.integers(1, 10**17).map(str))
HELD = ("open", "waiting_on_customer", "waiting_on_third_party", "on_hold", "resolved", "closed")
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "subject": line,
    "description": line,
    "status": st.sampled_from(HELD),
    "priority": st.sampled_from(["low", "normal", "high", "urgent"]),
    "type": st.sampled_from(["question", "incident", "problem", "feature_request"]),
    "channel": st.sampled_from(["email", "web_form", "phone", "chat"]),
    "requester": st.integers(1, 10**17).map(lambda number: {"remote_id": str(number)}),
    "assignee": naming(id),
    "team": naming(id),
    "company": naming(id),
    "tags": st.one_of(st.none(), st.lists(line.filter(lambda text: "," not in text), max_size=4, unique=True)),
    "custom_fields": st.fixed_dictionaries(
        {},
        optional={
            "machine": st.one_of(st.none(), st.integers(-(2**40), 2**40)),
            "parts": st.lists(line, max_size=3),
            "warranty": st.one_of(st.none(), st.booleans()),
        },
    ).map(lambda fields: [{"key": key, "value": value} for key, value in fields.items()]),
    "due_at": st.datetimes(datetime(2026, 6, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - gets its zone here
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC).isoformat()
    ),
}
patches = st.fixed_dictionaries({}, optional=FIELDS)


MEMBERS: dict[str, set[str]] = {
    "channel": {"source"},
    "requester": {"requester_id"},
    "assignee": {"responder_id"},
    "team": {"group_id"},
    "company": {"company_id"},
    # Freshdesk takes the two together.
    "due_at": {"due_by", "fr_due_by"},
}


@given(body=patches)
def test_a_change_sends_what_was_asked_for_and_nothing_else(body: dict[str, Any]) -> None:
    assert set(sent(body)) <= set().union(*(MEMBERS.get(name, {name}) for name in body))
    for name, value in body.items():
        assert set(sent({name: value})) <= MEMBERS.get(name, {name})


def test_null_clears() -> None:
    cleared = {"assignee": None, "team": None, "company": None, "tags": None}
    assert sent(cleared) == {"responder_id": None, "group_id": None, "company_id": None, "tags": []}
    for name in ("subject", "description", "requester", "due_at"):
        assert refused(drafted({name: None})) == {f"/{name}": "invalid"}


def test_a_new_account_has_no_status_for_what_is_on_hold() -> None:
    assert "on_hold" not in drafted({"status": "spam"}, account=Account()).refused[0].detail


def test_of_two_numbers_that_mean_the_same_the_ticket_keeps_its_own() -> None:
    assert sent({"status": "waiting_on_customer"}) == {"status": 3}
    assert sent({"status": "waiting_on_customer"}, replace(CURRENT, status=6)) == {"status": 6}
    assert sent({"status": "waiting_on_customer"}, replace(CURRENT, status=8)) == {"status": 3}


@pytest.mark.parametrize("number", [*range(-1, 20), 42, 10**9])
def test_every_number_is_read(number: int) -> None:
    record = replace(CURRENT, status=number, priority=number, source=number)

    ticket = TICKET.to_canonical(record, ACCOUNT).data

    assert (ticket.status_raw, ticket.priority_raw, ticket.channel_raw) == (str(number),) * 3
    assert ticket.status == ACCOUNT.statuses.get(number, "unknown")
    assert (ticket.priority == "unknown") == (number not in range(1, 5))
    assert (ticket.channel == "unknown") == (number not in range(1, 14))
    assert ticket.status_label == ACCOUNT.status_labels.get(number)


def test_types_are_those_of_the_account() -> None:
    few = msgspec.structs.replace(ACCOUNT, types=("Question", "Task"))

    assert drafted({"type": "task"}, account=few).body.type == "Task"
    assert drafted({"type": "problem"}, account=few).body.type == "Question"
    assert refused(drafted({"type": "unknown"}, account=few)) == {"/type": "invalid"}


def test_spam_and_deleted_tickets_keep_their_status() -> None:
    for flag in ("spam", "deleted"):
        record = msgspec.structs.replace(CURRENT, **{flag: True})
        assert TICKET.to_canonical(record, ACCOUNT).data.status == flag
        assert refused(drafted({"status": "open"}, record)) == {"/status": "invalid"}


def test_a_new_ticket_says_something_of_somebody() -> None:
    assert refused(drafted({}, None)) == {"/subject": "invalid", "/description": "invalid", "/requester": "invalid"}
    assert sent(NEW, None) == {"subject": "Foot", "description": "<div>Stuck</div>", "email": "livia@faden.example"}


def test_subject_and_text_stand_in_for_each_other() -> None:
    only_subject = {name: NEW[name] for name in ("subject", "requester")}
    only_text = {"requester": NEW["requester"], "description_html": "<p>It is stuck.</p><p>Help!</p>"}

    assert sent(only_subject, None)["description"] == f"<div>{NEW['subject']}</div>"
    assert lost(drafted(only_subject, None)) == {"/description": "defaulted"}
    assert sent(only_text, None)["subject"] == "It is stuck."
    assert lost(drafted(only_text, None)) == {"/subject": "defaulted"}


def test_text_becomes_html_and_html_stays() -> None:
    assert sent({"description": "a < b & c\r\nd"}) == {"description": "<div>a &lt; b &amp; c<br>d</div>"}
    assert sent({"description_html": "<p>Hi</p>"}) == {"description": "<p>Hi</p>"}
    both = {"description": "Hi", "description_html": "<p>Hi</p>"}
    assert (sent(both), drafted(both).loss) == ({"description": "<p>Hi</p>"}, ())
    assert lost(drafted(both | {"description": "Ho"})) == {"/description": "coerced"}
    assert sent({"description": CURRENT.description_text}) == {}


@pytest.mark.parametrize(
    ("requester", "members", "refusals"),
    [
        ({"remote_id": "5"}, {"requester_id": 5}, {}),
        ({"email": "A@b.example", "name": "Ann"}, {"email": "a@b.example", "name": "Ann"}, {}),
        ({"phone": "+4930123456", "name": "Ann"}, {"phone": "+4930123456", "name": "Ann"}, {}),
        ({"phone": "+4930123456"}, {}, {"/requester/name": "invalid"}),
        ({"email": "a@b.example", "phone": "1"}, {"email": "a@b.example"}, {}),
        ({"email": "nobody"}, {}, {"/requester/email": "invalid"}),
        ({"remote_id": "five"}, {}, {"/requester/remote_id": "invalid"}),
        ({"name": "Ann"}, {}, {"/requester": "invalid"}),
    ],
)
def test_who_asks(requester: dict[str, str], members: dict[str, Any], refusals: dict[str, str]) -> None:
    draft = drafted({"requester": requester})

    assert on_the_wire(draft.body) == members
    assert refused(draft) == refusals


def test_other_facts_next_to_an_id_are_compared() -> None:
    same = {"remote_id": "67032906301", "name": "Livia Keller", "email": "livia.keller@faden.example"}

    assert drafted({"requester": same}).loss == ()
    assert lost(drafted({"requester": same | {"name": "livia keller"}})) == {"/requester/name": "coerced"}
    silent = replace(CURRENT, requester=replace(required(CURRENT.requester), phone=None, mobile=None))
    assert lost(drafted({"requester": same | {"phone": "+4930123456"}}, silent)) == {"/requester/phone": "coerced"}
    # The facts about an unknown person only name them.
    assert drafted({"requester": same | {"remote_id": "5"}}).loss == ()


def test_copies_are_taken_on_a_create_and_not_later() -> None:
    copies = [{"email": "ben@faden.example"}, {"email": "Werkstatt@faden.example"}]

    assert sent({"followers": copies}) == {}
    assert sent(NEW | {"followers": copies}, None)["cc_emails"] == ["ben@faden.example", "werkstatt@faden.example"]
    assert refused(drafted({"followers": copies[:1]})) == {"/followers": "unsupported"}
    wrong = [{"email": "x"}, {"remote_id": "5"}, {"email": "a@b.example", "kind": "follower"}]
    assert refused(drafted(NEW | {"followers": wrong}, None)) == {
        "/followers/0/email": "invalid",
        "/followers/1": "unsupported",
        "/followers/2": "unsupported",
    }


def test_the_first_answer_is_due_with_the_solution() -> None:
    late, early = "2026-06-01T10:00:00Z", "2026-05-02T09:00:00Z"

    assert sent({"due_at": late}) == {"due_by": late, "fr_due_by": "2026-05-02T17:00:00Z"}
    assert sent({"due_at": early}) == {"due_by": early, "fr_due_by": early}
    assert lost(drafted({"due_at": early})) == {}


@pytest.mark.parametrize("due_in", [-(10**8), -1, 30])
def test_a_new_ticket_is_not_due_in_the_past_or_before_it_can_be_sent(due_in: int) -> None:
    draft = drafted(NEW | {"due_at": (datetime.now(UTC) + timedelta(seconds=due_in)).isoformat()}, None)

    assert refused(draft) == {"/due_at": "unsupported"}
    assert not {"due_by", "fr_due_by"} & set(on_the_wire(draft.body))


def test_a_due_time_may_be_past_but_not_before_the_ticket() -> None:
    made = CURRENT.created_at

    assert set(sent({"due_at": made.isoformat()})) == {"due_by", "fr_due_by"}
    before = drafted({"due_at": (made - timedelta(seconds=1)).isoformat()})
    assert (refused(before), on_the_wire(before.body)) == ({"/due_at": "unsupported"}, {})


@pytest.mark.parametrize(
    ("kind", "listed", "parent"),
    [
        (2, (4700,), "4700"),
        (1, (4700,), None),
        (3, (4700, 4701), None),
        (2, (), None),
        (2, None, None),
        (None, None, None),
    ],
)
def test_a_child_names_its_parent(kind: int | None, listed: tuple[int, ...] | None, parent: str | None) -> None:
    record = replace(CURRENT, association_type=kind, associated_tickets_list=listed)
    read = TICKET.to_canonical(record, ACCOUNT).data.parent
    assert (None if read is None else read.remote_id) == parent


def test_ids_are_numbers() -> None:
    for name in ("assignee", "team", "company"):
        for id in ("anna", "9" * 19):
            assert refused(drafted({name: {"remote_id": id}})) == {f"/{name}/remote_id": "invalid"}


def test_custom_fields_are_those_that_are_configured() -> None:
    unknown = drafted({"custom_fields": [{"key": "colour", "value": "red"}]})
    wrong = drafted({"custom_fields": [{"key": "machine", "value": "many"}]})

    assert refused(unknown) == {"/custom_fields/0/key": "unsupported"}
    assert "machine, parts, warranty" in unknown.refused[0].detail
    assert refused(wrong) == {"/custom_fields/0/value": "invalid"}


# ------------------------------------------------------------ comments


@pytest.mark.parametrize(
    ("html", "expected", "is_lost"),
    [
        ('<div class="quoted" dir="ltr">Hi</div>', '<div dir="ltr">Hi</div>', False),
        ('<div class="quoted" onclick="x()">Hi</div>', "<div>Hi</div>", True),
        ('<div style="font-family:Arial, sans-serif; font-size:14px">Hi</div>', "<div>Hi</div>", False),
        ('<div style="color:red">Hi</div>', "<div>Hi</div>", True),
    ],
)
def test_class_names_and_freshdesks_own_font_are_no_loss(html: str, expected: str, is_lost: bool) -> None:
    comment = COMMENT.read(msgspec.json.encode({"id": 7, "body": html}), ACCOUNT)
    ticket = TICKET.to_canonical(replace(CURRENT, description=html), ACCOUNT)

    assert comment.data.body_html == ticket.data.description_html == expected
    assert ("/body_html" in lost(comment)) is is_lost
    assert ("/description_html" in lost(ticket)) is is_lost


@given(text=line, private=st.booleans())
def test_a_comment_is_a_reply_or_a_note(text: str, private: bool) -> None:
    visibility = "private" if private else "public"
    patch = msgspec.convert({"body_text": text, "visibility": visibility}, CommentPatch)

    draft = COMMENT.to_vendor(patch, None, ACCOUNT)

    assert draft.refused == ()
    assert draft.body.private is private
    assert unescape(draft.body.body) == f"<div>{text}</div>" or "&" in text


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
