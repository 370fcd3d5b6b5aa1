"""Writing tickets to Zendesk: only what was sent, nothing that it cannot hold, and it reads back as it was meant."""

from itertools import count
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.parts import Instant
from canonical.ticket import Ticket, TicketPatch, TicketStatus
from mappings.spec import Draft, Mapped
from mappings.zendesk import wire_v2
from mappings.zendesk.ticket_r1 import TICKET
from mappings.zendesk.wire_v2 import Account, TicketWrite
from tests.mappings.drafts import on_the_wire, refused
from tests.mappings.read_back import assert_reads_back
from tests.mappings.references import naming
from tests.required import required

from .conftest import CUSTOM_FIELDS, FIXTURES, Desk, read_any, with_everybody

ENDPOINTS = TICKET.endpoints
SERIAL = count(1)
AGENT = "27000000000001"
GROUP = "27000000000101"
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFG0123456789_-", min_size=1, max_size=12)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60).filter(
    lambda text: text.strip() != ""
)
PEOPLE = st.sampled_from(["ida@faden.example", "jan@faden.example", "mira@faden.example"])
COMMON = {
    "subject": TEXT,
    "status": st.sampled_from(["open", "waiting_on_customer", "on_hold"]),
    "priority": st.sampled_from(["low", "normal", "high", "urgent", "none"]),
    "tags": st.lists(WORD, max_size=4),
    "external_id": WORD,
    "assignee": naming(st.none() | st.just(AGENT)),
    "team": naming(st.none() | st.just(GROUP)),
    "followers": st.lists(PEOPLE, unique=True, max_size=3).map(
        lambda people: [{"email": email, "kind": "cc"} for email in people]
    ),
    "custom_fields": st.fixed_dictionaries(
        {},
        optional={
            "machine": st.none() | st.integers(0, 10**6),
            "parts": st.lists(st.sampled_from(["needle", "foot", "belt"]), min_size=1, unique=True),
            "warranty": st.booleans(),
        },
    ).map(lambda fields: [{"key": key, "value": value} for key, value in fields.items()]),
}
NEW = st.fixed_dictionaries(
    {"description": TEXT},
    optional=COMMON
    | {
        "type": st.sampled_from(["question", "incident", "problem", "task"]),
        "requester": st.fixed_dictionaries({"email": PEOPLE}, optional={"name": TEXT}),
    },
)
LATER = st.fixed_dictionaries({}, optional=COMMON)


def drafted(patch: dict[str, Any], account: Account, current: wire_v2.Ticket | None = None) -> Draft[TicketWrite]:
    return TICKET.to_vendor(msgspec.convert(patch, TicketPatch), current, account)


@pytest.fixture(scope="module")
def missing_part() -> tuple[wire_v2.Ticket, bytes]:
    """A ticket that has everything, and the answer that it came in."""
    answer = (FIXTURES / "ticket-full.in.json").read_bytes()
    return TICKET.decode(msgspec.json.decode(answer, type=dict[str, msgspec.Raw])["ticket"]), answer


@pytest.fixture(scope="module")
def full(missing_part: tuple[wire_v2.Ticket, bytes]) -> wire_v2.Ticket:
    return missing_part[0]


@pytest.fixture(scope="module")
def known(missing_part: tuple[wire_v2.Ticket, bytes], account: Account) -> Account:
    """The account, knowing the people of that ticket."""
    return with_everybody(missing_part[1], account)


def prepared(zendesk: Desk) -> None:
    """Give the account the ticket fields that the configuration names."""
    kinds = {"machine": "integer", "parts": "multiselect", "warranty": "checkbox"}
    for setting in CUSTOM_FIELDS["ticket"]:
        field = {
            "id": int(setting.vendor_field),
            "type": kinds[setting.key],
            "title": setting.key,
            "custom_field_options": [{"name": part, "value": part} for part in ("needle", "foot", "belt")],
            "removable": True,
            "active": True,
        }
        zendesk.state.put("ticket_fields", setting.vendor_field, field)


def create(zendesk: Desk, patch: dict[str, Any], account: Account, marker: str = "op_1") -> str:
    draft = drafted(patch, account)
    assert draft.refused == ()
    result = required(ENDPOINTS.write_result)(
        zendesk.must(required(ENDPOINTS.create)(draft.body, marker, None, account)), "create"
    )
    assert result.created
    return required(result.remote_id)


def current_of(zendesk: Desk, remote_id: str, account: Account) -> tuple[msgspec.Raw, Account]:
    record, known = ENDPOINTS.record(zendesk.must(required(ENDPOINTS.read)(remote_id, account)), account)
    return required(record), known


def read_back(zendesk: Desk, remote_id: str, account: Account) -> Mapped[Ticket]:
    record, known = current_of(zendesk, remote_id, account)
    return read_any(bytes(record), TICKET, known)


def update(zendesk: Desk, remote_id: str, patch: dict[str, Any], account: Account) -> None:
    record, known = current_of(zendesk, remote_id, account)
    draft = drafted(patch, known, TICKET.decode(record))
    assert draft.refused == ()
    zendesk.must(required(ENDPOINTS.update)(remote_id, draft.body, "op_2", known))


@given(new=NEW, later=LATER)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_reads_back(
    zendesk: Desk, account: Account, new: dict[str, Any], later: dict[str, Any]
) -> None:
    prepared(zendesk)

    remote_id = create(zendesk, new, account, f"op_{next(SERIAL)}")
    made = read_back(zendesk, remote_id, account).data
    assert_written(new, made)

    update(zendesk, remote_id, later, account)
    assert_written(later, read_back(zendesk, remote_id, account).data, made)


def assert_written(body: dict[str, Any], ticket: Ticket, before: Ticket | None = None) -> None:
    """Zendesk shows a choice of a custom field as a tag, too."""
    names = COMMON.keys() | body.keys()
    assert_reads_back(
        msgspec.convert(body, TicketPatch), ticket, before, among=names - {"tags", "description", "requester"}
    )
    if "requester" in body:
        assert required(ticket.requester).email == body["requester"]["email"]
    choices = {one.key: one.value for one in ticket.custom_fields}.get("parts")
    if "tags" in body:
        extra = set(ticket.tags) - {tag.lower() for tag in body["tags"]}
        assert len(ticket.tags) - len(extra) == len({tag.lower() for tag in body["tags"]})
        assert extra <= set(choices if isinstance(choices, list) else ())
    assert (ticket.description or "").strip() == body.get("description", ticket.description or "").strip()


@pytest.mark.parametrize(
    ("patch", "wire"),
    [
        ({}, {}),
        ({"subject": "Foot"}, {"subject": "Foot"}),
        ({"subject": None}, {"subject": None}),
        ({"status": "resolved"}, {"status": "solved"}),
        ({"priority": "none"}, {"priority": None}),
        ({"priority": "urgent"}, {"priority": "urgent"}),
        ({"type": "problem"}, {"type": "problem"}),
        ({"assignee": None}, {"assignee_id": None}),
        ({"assignee": {"remote_id": "27000000000002"}}, {"assignee_id": 27000000000002}),
        ({"team": None}, {"group_id": None}),
        ({"company": {"remote_id": "5"}}, {"organization_id": 5}),
        ({"parent": None}, {"problem_id": None}),
        ({"type": "incident", "parent": {"remote_id": "3"}}, {"type": "incident", "problem_id": 3}),
        ({"tags": None}, {"tags": []}),
        ({"tags": ["RMA"]}, {"tags": ["rma"]}),
        ({"due_at": "2026-06-01T10:00:00Z"}, {"due_at": "2026-06-01T10:00:00Z"}),
        ({"due_at": None}, {"due_at": None}),
        ({"external_id": None}, {"external_id": None}),
        ({"external_id": "rma-89"}, {"external_id": "rma-89"}),
        ({"channel": "email"}, {}),
        ({"description": "The box came without the presser foot.\n\nLivia\n"}, {}),
        ({"requester": {"remote_id": "27100000000130"}}, {"requester_id": 27100000000130}),
        ({"requester": {"email": "JAN@faden.example"}}, {"requester_id": 27100000000130}),
        (
            {"followers": []},
            {
                "followers": [{"user_id": "27000000000002", "action": "delete"}],
                "email_ccs": [
                    {"user_id": "27100000000130", "action": "delete"},
                    {"user_id": "27100000000131", "action": "delete"},
                ],
            },
        ),
        (
            {
                "followers": [
                    {"remote_id": "27000000000002", "kind": "follower"},
                    {"email": "Jan@Faden.example"},
                    {"remote_id": "27100000000131", "kind": "cc"},
                    {"email": "new@faden.example"},
                ]
            },
            {
                "email_ccs": [
                    {"user_id": "27100000000130", "action": "put"},
                    {"user_id": "27100000000131", "action": "put"},
                    {"user_email": "new@faden.example", "action": "put"},
                ],
            },
        ),
        (
            {"custom_fields": [{"key": "warranty", "value": True}]},
            {
                "custom_fields": [
                    {"id": 27100000000503, "value": True},
                    {"id": 27100000000501, "value": None},
                    {"id": 27100000000502, "value": []},
                ]
            },
        ),
    ],
)
def test_an_update_sends_what_was_sent_and_nothing_else(
    patch: dict[str, Any], wire: dict[str, Any], full: wire_v2.Ticket, known: Account
) -> None:
    draft = drafted(patch, known, full)

    assert draft.refused == ()
    assert on_the_wire(draft.body) == wire


def test_a_change_leaves_everything_else_as_it_is(zendesk: Desk, account: Account) -> None:
    remote_id = create(zendesk, {"description": "Stuck", "tags": ["lid"], "priority": "low"}, account)
    before = zendesk.state.get("tickets", remote_id)
    zendesk.now += 10

    update(zendesk, remote_id, {"priority": "none"}, account)

    after = required(zendesk.state.get("tickets", remote_id))
    assert {name for name in after if after[name] != required(before)[name]} == {
        "priority",
        "updated_at",
        "generated_timestamp",
    }


@pytest.mark.parametrize(
    ("patch", "kinds"),
    [
        ({"description": "Something else"}, {"/description": "unsupported"}),
        ({"description": None}, {"/description": "unsupported"}),
        ({"description_html": "<p>x</p>"}, {"/description_html": "unsupported"}),
        ({"channel": "phone"}, {"/channel": "unsupported"}),
        ({"requester": None}, {"/requester": "invalid"}),
        ({"requester": {"phone": "+41446681800"}}, {"/requester": "invalid"}),
        ({"requester": {"name": "Livia"}}, {"/requester": "invalid"}),
        ({"requester": {"email": "x"}}, {"/requester/email": "invalid"}),
        ({"requester": {"email": "nobody@faden.example"}}, {"/requester": "unsupported"}),
        ({"requester": {"remote_id": "livia"}}, {"/requester/remote_id": "invalid"}),
        ({"assignee": {"remote_id": "9" * 30}}, {"/assignee/remote_id": "invalid"}),
        ({"type": "question", "due_at": "2026-06-01T10:00:00Z"}, {"/due_at": "unsupported"}),
        ({"parent": {"remote_id": "3"}}, {"/parent": "unsupported"}),
        (
            {"followers": [{"remote_id": "2", "kind": "unknown"}, {}, {"email": "a@b.example", "kind": "follower"}]},
            {"/followers/0/kind": "invalid", "/followers/1": "unsupported", "/followers/2": "unsupported"},
        ),
        ({"orders": [{"id": "ord_1"}]}, {"/orders": "unsupported"}),
        ({"external_id": "lockstitch:op_1"}, {"/external_id": "invalid"}),
        ({"tags": [" "]}, {"/tags/0": "invalid"}),
    ],
)
def test_what_zendesk_cannot_hold_is_refused_with_a_reason(
    patch: dict[str, Any], kinds: dict[str, str], full: wire_v2.Ticket, known: Account
) -> None:
    draft = drafted(patch, known, full)

    assert refused(draft) == kinds
    assert all(len(refusal.detail) > 10 for refusal in draft.refused)


def test_the_same_words_in_another_form_stay_as_a_loss(full: wire_v2.Ticket, known: Account) -> None:
    description = (full.description or "").replace("\n", " \n\n ")

    draft = drafted({"description": description, "description_html": f"<div><b>{description}</b></div>"}, known, full)

    assert refused(draft) == {}
    named = {loss.path: loss.kind for loss in draft.loss}
    assert named == {"/description": "coerced", "/description_html": "coerced"}


def test_a_ticket_needs_something_to_say(account: Account) -> None:
    for patch in ({}, {"description": None}, {"description": " ", "description_html": ""}):
        assert refused(drafted(patch, account)) == {"/description": "invalid"}
    named = drafted({"subject": "Foot"}, account)
    assert on_the_wire(named.body)["comment"] == {"body": "Foot", "public": True}
    assert ("/description", "defaulted") in {(loss.path, loss.kind) for loss in named.loss}


def test_html_leads_where_both_are_given(account: Account) -> None:
    draft = drafted({"description": "A foot", "description_html": "<p>A <b>foot</b></p>"}, account)

    assert on_the_wire(draft.body)["comment"] == {"html_body": "<p>A <b>foot</b></p>", "public": True}
    assert "/description" not in {loss.path for loss in draft.loss}
    other = drafted({"description": "A hand", "description_html": "<p>A <b>foot</b></p>"}, account)
    assert ("/description", "coerced") in {(loss.path, loss.kind) for loss in other.loss}


def test_a_requester_is_created_from_an_address(zendesk: Desk, account: Account) -> None:
    named = {"description": "Stuck", "requester": {"email": "Ida@Faden.example", "name": "Ida Morrow"}}
    unnamed = {"description": "Stuck", "requester": {"email": "jan@faden.example"}}

    ida = required(read_back(zendesk, create(zendesk, named, account), account).data.requester)
    jan = required(read_back(zendesk, create(zendesk, unnamed, account, "op_2"), account).data.requester)

    assert (ida.name, ida.email) == ("Ida Morrow", "ida@faden.example")
    assert (jan.name, jan.email) == ("jan@faden.example", "jan@faden.example")
    assert {(loss.path, loss.kind) for loss in drafted(unnamed, account).loss} == {("/requester/name", "defaulted")}
    assert {(loss.path, loss.kind) for loss in drafted({"description": "Stuck"}, account).loss} == {
        ("/requester", "defaulted")
    }


@given(word=st.text(max_size=20), number=st.integers(0, 200))
def test_every_word_of_theirs_is_read(word: str, number: int, account: Account) -> None:
    record = wire_v2.Ticket(
        id=1,
        status=word,
        priority=word,
        type=word,
        via=wire_v2.Via(channel=number),
        created_at=FULL_TIME,
        updated_at=FULL_TIME,
    )

    ticket = TICKET.to_canonical(record, account).data

    assert (ticket.status_raw, ticket.priority_raw, ticket.type_raw, ticket.channel_raw) == (
        word,
        word,
        word,
        str(number),
    )
    assert ticket.status in get_args(TicketStatus)


FULL_TIME = msgspec.convert("2026-05-02T07:10:00+02:00", Instant)


def test_a_due_time_is_kept_in_whole_seconds(account: Account) -> None:
    draft = drafted({"type": "task", "due_at": "2027-07-01T12:00:00.750Z"}, account)
    assert on_the_wire(draft.body)["due_at"] == "2027-07-01T12:00:00Z"
    assert ("/due_at", "coerced") in [(one.path, one.kind) for one in draft.loss]


def test_a_ticket_that_is_assigned_or_was_opened_is_not_new(zendesk: Desk, account: Account) -> None:
    new = {"description": "Stuck", "requester": {"remote_id": AGENT}, "status": "new"}
    assigned = {"assignee": {"remote_id": AGENT}}
    opened, fresh = create(zendesk, new | {"status": "on_hold"}, account, "op_1"), create(zendesk, new, account, "op_2")
    owned = create(zendesk, new | assigned, account, "op_3")

    def lost(patch: dict[str, Any], remote_id: str | None = None) -> list[tuple[str, str]]:
        current = None if remote_id is None else TICKET.decode(current_of(zendesk, remote_id, account)[0])
        return [(one.path, one.kind) for one in drafted(patch, account, current).loss]

    assert lost(new) == lost({"status": "new"}, fresh) == []
    coerced = [("/status", "coerced")]
    assert lost(new | assigned) == lost({"status": "new"} | assigned, fresh) == coerced
    assert lost({"status": "new"}, owned) == lost({"status": "new"}, opened) == coerced
    update(zendesk, opened, {"status": "new"}, account)
    assert [read_back(zendesk, one, account).data.status for one in (opened, owned, fresh)] == ["open", "open", "new"]


def test_what_zendesk_changes_along_with_a_type_and_a_status_is_reported(zendesk: Desk, account: Account) -> None:
    due = {"type": "task", "due_at": "2027-07-01T12:00:00Z"}
    ticket = create(zendesk, {"description": "Stuck", "requester": {"remote_id": AGENT}} | due, account, "op_1")

    def lost(patch: dict[str, Any]) -> list[tuple[str, str]]:
        current = TICKET.decode(current_of(zendesk, ticket, account)[0])
        draft = drafted(patch, account, current)
        update(zendesk, ticket, patch, account)
        return [(one.path, one.kind) for one in draft.loss]

    assert lost({"subject": "Foot"}) == []
    assert lost({"type": "question"}) == [("/due_at", "dropped")]
    assert lost({"status": "resolved"}) == [("/assignee", "defaulted")]
    read = read_back(zendesk, ticket, account).data
    assert (read.due_at, required(read.assignee).remote_id) == (None, AGENT)
    assert lost({"status": "resolved"}) == []
