"""Tickets and what is said on them, both ways."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.ticket import TicketPatch, TicketPriority
from mappings.rt.enums import STATUS
from mappings.rt.metadata import address_of_key, key_of
from mappings.rt.ticket_r1 import TICKET
from mappings.rt.wire_rest2 import Account, Message, Ticket, TicketWrite
from tests.mappings.drafts import lost, on_the_wire, refused
from tests.mappings.read_back import assert_reads_back
from tests.mappings.references import naming, plain

from .conftest import ACCOUNT, CURRENT, NEW, drafted, sent

NEVER = "1970-01-01 00:00:00"


def applied(write: TicketWrite, current: Ticket) -> Ticket:
    """What Request Tracker makes of a change."""
    written, stored = on_the_wire(write), on_the_wire(current)
    for name in ("Subject", "Status", "Priority"):
        stored[name] = written.get(name, stored[name])
    for name in ("Requestor", "Cc", "AdminCc"):
        if name in written:
            stored[name] = [{"id": one} for one in written[name]]
    if "Due" in written:
        stored["Due"] = f"{written['Due'].replace(' ', 'T')}Z"
    for name, into in (("Queue", "Queue"), ("Owner", "Owner")):
        stored[into] = {"id": written[name]} if name in written else stored[into]
    links = stored["_hyperlinks"]
    for name, ref in (("RefersTo", "refers-to"), ("MemberOf", "parent")):
        gone = written.get(f"Delete{name}", [])
        links = [one for one in links if one["ref"] != ref or (one["_url"] not in gone and one["id"] not in gone)]
        kind = "external" if ref == "refers-to" else "ticket"
        links += [{"ref": ref, "_url": one, "id": one, "type": kind} for one in written.get(f"Add{name}", [])]
    stored["_hyperlinks"] = links
    for field in stored["CustomFields"]:
        if field["id"] in written.get("CustomFields", {}):
            value = written["CustomFields"][field["id"]]
            values = value if isinstance(value, list) else [] if value is None else [value]
            field["values"] = values
    return TICKET.decode(msgspec.json.encode(stored))


line = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
number = st.one_of(st.none(), st.integers(1, 10**9).map(str))
login = line.filter(lambda text: not text.isdecimal() and not {",", "@"} <= set(text))
HELD = {"new", "open", "on_hold", "resolved", "closed", "deleted"}
patches = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.one_of(st.none(), line),
        "status": st.sampled_from(sorted(HELD)),
        "priority": st.sampled_from(["low", "normal", "high"]),
        "requester": st.one_of(st.none(), login.map(lambda name: {"remote_id": name})),
        "assignee": naming(st.one_of(st.none(), login.filter(lambda name: name != "Nobody"))),
        "team": naming(st.sampled_from(["1", "4"])),
        "parent": naming(number),
        "followers": st.lists(
            st.tuples(login, st.sampled_from(["cc", "follower"])), max_size=3, unique_by=lambda one: one[0]
        ).map(lambda some: [{"remote_id": name, "kind": kind} for name, kind in some]),
        "external_id": st.one_of(st.none(), line),
        "custom_fields": st.fixed_dictionaries(
            {},
            optional={
                "machine": st.one_of(st.none(), st.integers(-(2**40), 2**40)),
                "parts": st.lists(line, max_size=3),
                "warranty": st.one_of(st.none(), st.booleans()),
                "bought": st.one_of(st.none(), st.dates().map(lambda day: day.isoformat())),
                "place": st.one_of(st.none(), line),
            },
        ).map(lambda fields: [{"key": key, "value": value} for key, value in fields.items()]),
        "due_at": st.one_of(
            st.none(),
            st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - gets its zone here
                lambda moment: moment.replace(microsecond=0, tzinfo=UTC).isoformat()
            ),
        ),
    },
)


@given(body=patches)
def test_what_is_written_reads_back(body: dict[str, Any]) -> None:
    draft = drafted(body)
    assert draft.refused == ()
    before = TICKET.to_canonical(CURRENT, ACCOUNT).data

    after = TICKET.to_canonical(applied(draft.body, CURRENT), ACCOUNT).data

    names = {"subject", "status", "priority", "assignee", "team", "parent", "external_id", "due_at"}
    assert_reads_back(msgspec.convert(body, TicketPatch), after, before, among=names | body.keys())


MEMBERS: dict[str, set[str]] = {
    "subject": {"Subject"},
    "status": {"Status"},
    "priority": {"Priority"},
    "requester": {"Requestor"},
    "assignee": {"Owner"},
    "team": {"Queue"},
    "parent": {"AddMemberOf", "DeleteMemberOf"},
    "followers": {"Cc", "AdminCc"},
    "external_id": {"AddRefersTo", "DeleteRefersTo"},
    "custom_fields": {"CustomFields"},
    "due_at": {"Due"},
}


@given(body=patches)
def test_a_change_sends_what_was_asked_for_and_nothing_else(body: dict[str, Any]) -> None:
    assert set(sent(body)) <= set().union(*(MEMBERS[name] for name in body))
    for name, value in body.items():
        assert set(sent({name: value})) <= MEMBERS[name]


def test_a_change_may_set_a_status_that_a_new_ticket_may_not_have() -> None:
    words = {"waiting_on_customer": "stalled", "on_hold": "stalled", "closed": "rejected", "deleted": "deleted"}
    assert {status: sent({"status": status})["Status"] for status in words} == words


def test_null_clears() -> None:
    cleared = dict.fromkeys(
        (
            "subject",
            "requester",
            "assignee",
            "parent",
            "followers",
            "external_id",
            "due_at",
        )
    )
    assert sent(cleared) == {
        "Subject": "",
        "Requestor": [],
        "Owner": "Nobody",
        "DeleteMemberOf": ["70"],
        "Cc": [],
        "AdminCc": [],
        "DeleteRefersTo": ["lockstitch:key/%46orm-5512"],
        "Due": NEVER,
    }
    assert sent(NEW | cleared | {"subject": None}, None) == {
        "Subject": "",
        "Content": "Stuck",
        "ContentType": "text/plain",
        "Queue": "4",
    }


def test_what_is_there_already_is_not_sent() -> None:
    read = TICKET.to_canonical(CURRENT, ACCOUNT).data
    same = {
        "external_id": read.external_id,
        "parent": {"remote_id": plain(read.parent)},
        "description": read.description,
        "description_html": read.description_html,
        "followers": [{"email": "OTTO@faden.example", "kind": "cc"}, {"remote_id": "212", "kind": "follower"}],
    }
    assert sent(same) == {}


@given(word=st.text(max_size=20))
def test_every_word_is_read(word: str) -> None:
    ticket = TICKET.to_canonical(replace(CURRENT, status=word, priority=word), ACCOUNT).data

    assert (ticket.status, ticket.status_raw) == (STATUS.get(word, "unknown"), word)
    assert ticket.priority_raw == word


@pytest.mark.parametrize(
    ("label", "priority"),
    [
        *(("0", "low"), ("49", "low"), ("50", "normal"), (99, "normal"), ("100", "high"), ("1000", "high")),
        *(("-1", "unknown"), ("abc", "unknown"), ("", "unknown"), (None, "unknown")),
    ],
)
def test_a_priority_is_the_label_that_its_number_has(label: str | int | None, priority: TicketPriority) -> None:
    assert TICKET.to_canonical(replace(CURRENT, priority=label), ACCOUNT).data.priority == priority


@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_keys_that_differ_only_in_case_are_different(key: str) -> None:
    address = address_of_key(key)

    assert key_of(address) == key
    assert address == address.lower()
    assert "'" not in address
    assert address.isascii()


def test_a_key_has_room_in_an_address() -> None:
    assert refused(drafted({"external_id": "k" * 225})) == {}
    assert refused(drafted({"external_id": "k" * 226})) == {"/external_id": "invalid"}
    assert refused(drafted({"external_id": "K" * 80})) == {"/external_id": "invalid"}


def test_a_new_ticket_is_in_a_queue() -> None:
    only = replace(ACCOUNT, queues={"7": "Desk"})

    first, single = drafted({"subject": "x"}, None), drafted({"subject": "x"}, None, only)
    assert (first.body.queue, lost(first)) == ("1", {"/team": "defaulted"})
    assert (single.body.queue, lost(single)) == ("7", {})
    assert refused(drafted({"subject": "x"}, None, Account())) == {"/team": "invalid"}
    assert drafted({"team": {"remote_id": "5"}}).refused[0].detail.endswith("one of: 1 (General), 4 (Workshop)")
    assert refused(drafted({"team": {"remote_id": "5"}})) == {"/team/remote_id": "invalid"}
    assert refused(drafted({"team": None})) == {"/team": "invalid"}
    # Where the queues are not known Request Tracker says whether there is one.
    assert drafted({"team": {"remote_id": "5"}}, CURRENT, Account()).body.queue == "5"
    assert drafted({"team": {"remote_id": "101"}}, CURRENT, replace(ACCOUNT, more_queues=True)).body.queue == "101"
    assert refused(drafted({"team": {"remote_id": "General"}}, CURRENT, Account())) == {"/team/remote_id": "invalid"}


def test_the_first_message_is_written_once() -> None:
    assert sent(NEW | {"description_html": "<p>Stuck</p>"}, None)["ContentType"] == "text/html"
    assert lost(drafted(NEW | {"description_html": "<p>Stuck</p>"}, None)) == {}
    assert lost(drafted(NEW | {"description_html": "<p>Loose</p>"}, None)) == {"/description": "coerced"}
    assert "Content" not in sent(NEW | {"description": "  "}, None)
    assert lost(drafted(NEW | {"description": "  "}, None)) == {"/description": "coerced"}
    assert refused(drafted({"description": "Another"})) == {"/description": "unsupported"}
    assert refused(drafted({"description_html": None})) == {"/description_html": "unsupported"}


@pytest.mark.parametrize("stored", [None, "Der Fuss klemmt"])
def test_the_same_words_in_another_form_stay_as_a_loss(stored: str | None) -> None:
    account = replace(ACCOUNT, firsts={"21": "1"}, messages={"1": Message(plain=stored)})
    ticket = replace(CURRENT, id=21)
    for name, value in (("description", f"{stored or ''}\n "), ("description_html", f"<p><b>{stored or ' '}</b></p>")):
        draft = drafted({name: value}, ticket, account)
        assert (refused(draft), lost(draft)) == ({}, {f"/{name}": "coerced"})
    assert lost(drafted({"description": stored, "description_html": None}, ticket, account)) == {}


def test_custom_fields_must_be_configured_and_in_the_queue() -> None:
    def fields(key: str, value: Any) -> dict[str, Any]:
        return {"custom_fields": [{"key": key, "value": value}]}

    bare = replace(CURRENT, custom_fields="")
    assert refused(drafted(fields("colour", "red"))) == {"/custom_fields/0/key": "unsupported"}
    assert refused(drafted(fields("machine", "many"))) == {"/custom_fields/0/value": "invalid"}
    assert refused(drafted(fields("machine", 7), bare)) == {"/custom_fields/0/value": "invalid"}
    assert refused(drafted(fields("called", "2026-05-01T09:30:00Z"))) == {"/custom_fields/0/value": "unsupported"}
    # An array is replaced whole: what it does not name is emptied, where there is something.
    assert sent(fields("warranty", False))["CustomFields"] == {
        "5": None,
        "6": [],
        "7": None,
        "8": "",
        "9": None,
        "10": "0",
    }
    new = drafted(NEW | fields("matter", "Breakage"), None)
    assert on_the_wire(new.body)["CustomFields"] == {"9": "Breakage"}
    assert lost(new) == {"/custom_fields/0/value": "ambiguous"}


def test_who_may_not_own_a_new_ticket_is_passed_over() -> None:
    assert lost(drafted(NEW | {"assignee": {"remote_id": "bea"}}, None)) == {"/assignee": "ambiguous"}
    assert lost(drafted({"assignee": {"remote_id": "bea"}})) == {}


def test_people_who_are_named_on_a_create_may_be_passed_over() -> None:
    people = {"requester": {"remote_id": "bea"}, "followers": [{"email": "a@b.example"}, {"remote_id": "otto"}]}

    assert lost(drafted(NEW | people, None)) == {
        "/requester/remote_id": "ambiguous",
        "/followers/1/remote_id": "ambiguous",
    }
    assert lost(drafted(NEW | {"requester": {"remote_id": "bea@b.example"}}, None)) == {}
    assert lost(drafted({"requester": {"remote_id": "bea"}})) == {}
    # It would look for two addresses.
    comma = {"requester": {"remote_id": "Keller, Livia"}}
    assert refused(drafted(NEW | comma, None)) == {"/requester/remote_id": "invalid"}


def test_a_parent_who_is_not_there_is_passed_over_on_a_create() -> None:
    assert lost(drafted(NEW | {"parent": {"remote_id": "999"}}, None)) == {"/parent": "ambiguous"}
    assert lost(drafted({"parent": {"remote_id": "999"}})) == {}


def test_a_value_for_a_missing_queue_field_is_reported() -> None:
    new = drafted(NEW | {"custom_fields": [{"key": "machine", "value": 7}]}, None)
    text = drafted(NEW | {"custom_fields": [{"key": "place", "value": "x"}]}, None)

    assert lost(new) == lost(text) == {"/custom_fields/0/value": "ambiguous"}


def test_a_subject_is_one_line() -> None:
    draft = drafted({"subject": "a\nb"})

    assert (draft.body.subject, lost(draft)) == ("a b", {"/subject": "coerced"})


@pytest.mark.parametrize("letter", ["a", "ä", "𝄞"])
def test_a_subject_has_room_for_so_many_bytes(letter: str) -> None:
    room = 200 // len(letter.encode())

    assert refused(drafted({"subject": letter * room})) == {}
    assert refused(drafted({"subject": letter * (room + 1)})) == {"/subject": "invalid"}


def test_a_merged_ticket_keeps_only_the_written_key() -> None:
    keys = [{"ref": "refers-to", "type": "external", "_url": address_of_key(key)} for key in ("a", "b")]
    merged = TICKET.decode(msgspec.json.encode(on_the_wire(CURRENT) | {"_hyperlinks": keys}))

    def links(key: str | None) -> tuple[Any, Any]:
        links_sent = sent({"external_id": key}, merged)
        return links_sent.get("AddRefersTo"), links_sent.get("DeleteRefersTo")

    assert links("c") == ([address_of_key("c")], [address_of_key("a"), address_of_key("b")])
    assert links("b") == (None, [address_of_key("a")])
    assert links(None) == (None, [address_of_key("a"), address_of_key("b")])


# ------------------------------------------------------------ comments
