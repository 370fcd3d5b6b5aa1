"""Requests: which calls have an effect, how ids and texts are escaped, where the operation is written; and the requests
for the related records of tickets and messages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import Reference
from mappings.endpoints import ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.rt import VENDOR
from mappings.rt.requests import search_time
from mappings.rt.wire_rest2 import Account, MessageWrite, TicketWrite
from mappings.spec import Unmappable, VendorDrift
from tests.mappings.drafts import on_the_wire, reply
from tests.required import required

from .conftest import ACCOUNT, MAPPINGS, golden

TICKET = MAPPINGS["ticket"].endpoints
COMMENT = MAPPINGS["comment"].endpoints
BODIES: dict[str, Any] = {
    "ticket": TicketWrite(queue="4", subject="Foot", refers_to=("lockstitch:key/form-1",)),
    "comment": MessageWrite(content="x", content_type="text/plain"),
}
SINCE = datetime(2026, 5, 1, 11, 30, 0, 999, tzinfo=timezone(timedelta(hours=2)))
MARKER = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"
NEW = Account(queues={"1": "General"})


def requests() -> Iterator[VendorRequest]:
    """One of each kind."""
    yield from VENDOR.account_requests
    yield from required(VENDOR.choices).requests(ACCOUNT)
    for name, endpoints in (("ticket", TICKET), ("comment", COMMENT)):
        parent = "1/2" if name == "comment" else None
        assert endpoints.list is not None
        yield endpoints.list(ListQuery(limit=10, parent=parent), ACCOUNT)
        yield endpoints.list(ListQuery(limit=10, parent=parent, updated_since=SINCE, after="7"), ACCOUNT)
        for key in sorted(endpoints.filters):
            yield endpoints.list(ListQuery(limit=10, filters={key: "a b"}), ACCOUNT)
        yield required(endpoints.create)(BODIES[name], MARKER, parent, ACCOUNT)
        look_up = required(required(endpoints.find_marker)(MARKER, parent, None, ACCOUNT))
        yield look_up
    yield TICKET.find["external_id"]("a b", ACCOUNT)
    yield required(TICKET.read)("1/2", ACCOUNT)
    yield update("1/2", BODIES["ticket"])


def update(id: str, body: TicketWrite, account: Account = ACCOUNT) -> VendorRequest:
    return required(TICKET.update)(id, body, MARKER, account)


def completed(object_name: str, records: tuple[msgspec.Raw, ...], account: Account, *answers: Any) -> tuple[Any, Any]:
    """The account after these answers to the reads that complete records, and the targets of those reads."""
    endpoints = MAPPINGS[object_name].endpoints
    assert endpoints.side_load is not None
    sent = []
    for answer in answers:
        request = required(endpoints.side_load(records, account))
        assert not request.effect
        sent.append(request)
        account = required(endpoints.absorb)(reply(answer), account)
    assert endpoints.side_load(records, account) is None
    return account, sent


def test_only_writes_have_an_effect() -> None:
    for request in requests():
        assert request.effect == (request.method != "GET"), request.route
        assert (request.body is None) == (request.method == "GET")
        assert not request.idempotent


def test_ids_are_in_the_path_and_not_in_the_route() -> None:
    for request in requests():
        assert "1/2" not in request.path
        assert request.path.startswith("/REST/2.0/")
        assert ("{id}" in request.route) == ("1%2F2" in request.path)


def test_a_create_carries_its_operation_and_the_callers_key() -> None:
    written = on_the_wire(
        msgspec.json.decode(required(TICKET.create)(BODIES["ticket"], MARKER, None, ACCOUNT).body or b"")
    )

    assert written["RefersTo"] == ["lockstitch:key/form-1", f"lockstitch:{MARKER}"]


@pytest.mark.parametrize(("private", "kind"), [(False, "correspond"), (True, "comment")])
def test_a_message_carries_its_operation_invisibly(private: bool, kind: str) -> None:
    body = MessageWrite(content="x", content_type="text/html", private=private)
    request = required(COMMENT.create)(body, MARKER, "77", ACCOUNT)

    assert request.path == f"/REST/2.0/ticket/77/{kind}"
    assert msgspec.json.decode(request.body or b"") == {
        "Content": "x",
        "ContentType": f'text/html; lockstitch="{MARKER}"',
    }


def test_a_change_is_held_to_a_version_that_is_known() -> None:
    assert TICKET.guard is not None
    request = update("77", TicketWrite(subject="x"))
    _, version = TICKET.record(reply(golden("ticket-full"), headers={"etag": '"39"'}), NEW)

    assert TICKET.guard(request, version).headers == (("If-Match", '"39"'),)
    assert TICKET.guard(request, NEW) == request


def test_what_carries_a_mark_is_named() -> None:
    assert TICKET.marked is not None
    assert COMMENT.marked is not None
    assert TICKET.marked(reply({"items": [{"id": "77"}]}), MARKER) == "77"
    assert COMMENT.marked(reply({"items": [{"id": "5", "TransactionId": "63"}]}), MARKER) == "63"
    for marked in (TICKET.marked, COMMENT.marked):
        assert marked(reply({"items": []}), MARKER) is None
        with pytest.raises(Unmappable):
            marked(reply({"message": "x"}), MARKER)


@pytest.mark.parametrize(
    ("location", "id"),
    [
        ("/REST/2.0/transaction/63", "63"),
        ("https://rt.example/rt/REST/2.0/transaction/63", "63"),
        ("/REST/2.0/transaction/", None),
        ("", None),
    ],
)
def test_a_message_is_where_the_answer_says(location: str, id: str | None) -> None:
    assert (
        required(COMMENT.write_result)(reply(["Comments added"], 201, {"location": location}), "comment").remote_id
        == id
    )


def test_the_ticket_that_was_made_is_named_and_read() -> None:
    assert TICKET.write_result is not None
    made = TICKET.write_result(reply({"id": "5", "type": "ticket", "_url": "x"}, 201), "create")
    assert (made.remote_id, made.record, made.created) == ("5", None, True)
    assert TICKET.write_result(reply([]), "update").remote_id is None


# ------------------------------------------------------------ lists


@given(offset=st.integers(-12 * 60, 14 * 60))
def test_a_list_goes_back_as_far_as_any_zone_can_be_behind(offset: int) -> None:
    """Request Tracker reads the text as a time in its server's zone."""
    zone = timezone(timedelta(minutes=offset))

    taken_for = datetime.fromisoformat(search_time(SINCE)).replace(tzinfo=zone)

    assert SINCE - timedelta(hours=26, minutes=1) < taken_for <= SINCE


def test_the_beginning_of_time_has_no_time_before_it() -> None:
    assert search_time(datetime.min.replace(tzinfo=UTC)).endswith("01-01 00:00:00")


def test_what_is_too_old_is_left_out_and_the_list_goes_on_behind_it() -> None:
    assert TICKET.page is not None
    answer = msgspec.json.decode(golden("ticket-found")) | {"next_page": "https://…&page=2"}
    query = ListQuery(limit=10, updated_since=datetime(2026, 5, 2, tzinfo=UTC))

    page = TICKET.page(reply(answer), query, NEW)
    last = TICKET.page(reply(golden("ticket-found")), query, NEW)

    assert [msgspec.json.decode(one)["id"] for one in page.records] == ["90"]
    assert (page.next, last.next) == ("90", None)


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"external_id": "A'b"}, "RefersTo = 'lockstitch:key/%41%27b'"),
        ({"number": "77"}, "id = 77"),
        ({"number": "77 OR id > 0"}, "id = 0"),
        ({"status": "on_hold"}, "Status = 'stalled'"),
        ({"email": "ann@example.com"}, "Requestor.EmailAddress = 'ann@example.com'"),
        ({"email": "a@bücher.example"}, "Requestor.EmailAddress = 'a@xn--bcher-kva.example'"),
        ({"email": "o'hara@example.com"}, "id = 0"),
        ({"status": "' OR id > 0 OR '"}, "id = 0"),
    ],
)
def test_a_filter_is_one_condition(filters: dict[str, str], condition: str) -> None:
    query = dict(required(TICKET.list)(ListQuery(limit=10, filters=filters), ACCOUNT).query)

    assert query["query"] == f"id > 0 AND {condition}"


def test_the_newest_tickets_are_those_with_the_highest_numbers() -> None:
    assert TICKET.list is not None
    first = dict(TICKET.list(ListQuery(limit=10, sort="-created_at"), ACCOUNT).query)
    later = dict(TICKET.list(ListQuery(limit=10, sort="-created_at", after="77"), ACCOUNT).query)

    assert (first["query"], first["orderby"], first["order"]) == ("id < 2147483647", "id", "DESC")
    assert (later["query"], later["order"]) == ("id < 77", "DESC")


@pytest.mark.parametrize("after", ["", "-1", "0", "7x", "1 OR 1", "9" * 20])
def test_a_cursor_of_somebody_else_is_refused(after: str) -> None:
    for endpoints in (TICKET, COMMENT):
        with pytest.raises(ValueError, match="not the number"):
            required(endpoints.list)(ListQuery(limit=10, parent="1", after=after), ACCOUNT)


def test_messages_go_in_either_direction() -> None:
    assert COMMENT.list is not None
    older = dict(COMMENT.list(ListQuery(limit=500, parent="77", after="63", newest_first=True), ACCOUNT).query)
    newer = dict(COMMENT.list(ListQuery(limit=5, parent="77", after="63"), ACCOUNT).query)

    assert (older["order"], newer["order"]) == ("DESC", "ASC")
    assert (older["per_page"], newer["per_page"]) == ("100", "5")
    assert msgspec.json.decode(older["query"])[1] == {"field": "id", "operator": "<", "value": "63"}
    assert msgspec.json.decode(newer["query"])[1] == {"field": "id", "operator": ">", "value": "63"}


# ------------------------------------------------------------ related records


def test_a_ticket_is_completed_by_people_and_its_first_message() -> None:
    raw, account = TICKET.record(reply(golden("ticket-full"), headers={"etag": '"9"'}), NEW)
    assert raw is not None
    livia = {"id": "livia.keller@faden.example", "EmailAddress": "livia@faden.example", "RealName": "Livia K."}
    text = {"TransactionId": "1001", "ContentType": "text/plain"}

    account, sent = completed(
        "ticket",
        (raw,),
        account,
        {"items": [{"id": "77", "Requestor": [livia], "Cc": [], "AdminCc": []}]},
        {"items": [{"id": "1001", "ObjectId": "77"}]},
        {"items": [text | {"id": "4", "Content": "log", "Filename": "log.txt"}], "next_page": "…"},
        {"items": [text | {"id": "5", "Content": "Hello", "Filename": ""}, text | {"id": "6", "Content": "Second"}]},
    )

    mapped = MAPPINGS["ticket"].read(raw, account)
    assert (mapped.data.requester.name, mapped.data.requester.email) == ("Livia K.", "livia@faden.example")
    assert (mapped.data.description, mapped.data.description_html) == ("Hello", None)
    assert mapped.remote.version == '"9"'
    assert [dict(one.query).get("page") for one in sent] == [None, None, "1", "2"]
    assert dict(sent[0].query)["query"] == "id = 77"
    assert msgspec.json.decode(dict(sent[2].query)["query"])[0]["value"] == ["1001"]


def test_a_list_has_its_people_and_fetches_first_messages_together() -> None:
    page = required(TICKET.page)(reply(golden("ticket-found")), ListQuery(limit=10), NEW)

    account, sent = completed(
        "ticket",
        page.records,
        page.account,
        {"items": [{"id": "1001", "ObjectId": "77"}, {"id": "1201", "ObjectId": "90"}]},
        {"items": [{"id": "5", "TransactionId": "1201", "ContentType": "text/html", "Content": "<p>Garn</p>"}]},
    )

    mapped = [MAPPINGS["ticket"].read(one, account).data for one in page.records]
    assert [(one.description, one.description_html) for one in mapped] == [(None, None), ("Garn", "<p>Garn</p>")]
    assert msgspec.json.decode(dict(sent[0].query)["query"])[2]["value"] == ["77", "90"]


def test_a_ticket_without_a_first_message_is_asked_for_no_text() -> None:
    raw, account = TICKET.record(reply(golden("ticket-full")), NEW)
    assert raw is not None

    account, _ = completed("ticket", (raw,), account, {"items": []}, {"items": []})

    assert MAPPINGS["ticket"].read(raw, account).data.description is None


def test_what_a_search_finds_is_the_first_or_nothing() -> None:
    raw, account = TICKET.record(reply(golden("ticket-found")), NEW)

    assert (msgspec.json.decode(required(raw))["id"], account.people) == ("77", {})
    assert TICKET.record(reply({"items": []}), NEW)[0] is None


def test_messages_are_completed_by_their_text_and_who_works_at_the_desk() -> None:
    page = required(COMMENT.page)(reply(golden("comment-history")), ListQuery(limit=10, parent="77"), NEW)

    account, sent = completed(
        "comment",
        page.records,
        page.account,
        {"items": [{"id": "5", "TransactionId": "1003", "ContentType": "text/plain", "Content": "Bitte"}]},
        {"Privileged": 0, "Name": "livia.keller@faden.example"},
        {"Privileged": 1},
    )

    livia = MAPPINGS["comment"].read(page.records[0], account).data
    assert (livia.body_text, livia.author.kind, livia.author.kind_raw) == ("Bitte", "customer", "0")
    # Request Tracker's own user is not read.
    assert [one.path.rpartition("/")[2] for one in sent[1:]] == ["livia.keller%40faden.example", "bea"]


def test_all_authors_whose_address_is_known_are_asked_about() -> None:
    history = msgspec.json.decode(golden("comment-history"))
    (first, *_) = history["items"]
    # The first two are part of another address; the address of the third is that of the user with this number.
    history["items"] = [first | {"id": str(one), "Creator": {"id": f"user/{one}"}} for one in range(1, 3)]
    history["items"] += [first | {"id": "40", "Creator": {"id": "4711"}}]
    history["items"] += [first | {"id": str(one), "Creator": {"id": f"user {one}"}} for one in range(3, 40)]

    page = required(COMMENT.page)(reply(history), ListQuery(limit=50, parent="77"), NEW)

    assert page.account.authors == tuple(f"user {one}" for one in range(3, 40))


@given(body=st.one_of(st.binary(max_size=50), st.sampled_from([b"[]", b"{}", b'{"items":[1]}', b'{"items":[{}]}'])))
def test_an_answer_that_is_no_list_is_drift_and_no_accident(body: bytes) -> None:
    answer = VendorReply(status=200, headers={}, body=body)
    met: list[Any] = []
    for reads in (
        lambda: TICKET.page and TICKET.page(answer, ListQuery(limit=1), NEW),
        lambda: COMMENT.page and COMMENT.page(answer, ListQuery(limit=1, parent="1"), NEW),
        lambda: TICKET.absorb and TICKET.absorb(answer, NEW),
        lambda: COMMENT.absorb and COMMENT.absorb(answer, NEW),
        lambda: TICKET.record(answer, NEW),
    ):
        try:
            met.append(reads())
        except VendorDrift as drift:
            met.append(drift.path)
    assert len(met) == 5


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"{}", b'[0, "No"]', b""])
def test_an_answer_without_sentences_tells_nothing_of_a_change(body: bytes) -> None:
    assert TICKET.write_result is not None
    with pytest.raises(VendorDrift):
        TICKET.write_result(reply(body), "update")

    assert TICKET.write_result(reply(["Ticket 1: Subject changed from 'a' to 'b'", None]), "update").remote_id is None


# ------------------------------------------------------------ the account


def test_a_queue_is_read_by_its_number() -> None:
    queue = TICKET.named["team"]
    assert queue.request("101").path == "/REST/2.0/queue/101"
    assert queue.keys(reply({"id": 101, "Name": "Workshop", "Lifecycle": "default"})) == Reference(name="Workshop")
    with pytest.raises(VendorDrift):
        queue.keys(reply(b"<html>Log in</html>"))


def test_the_account_is_its_queues() -> None:
    queues = {"items": [{"id": "1", "Name": "General", "type": "queue"}, {"id": "4", "Name": "Workshop"}]}

    assert VENDOR.build_account((reply(queues),), {}).queues == {"1": "General", "4": "Workshop"}
    for nothing in ((), (None,), (reply(b"<html>"),), (reply({"items": [1]}),)):
        assert VENDOR.build_account(nothing, {}) == Account()
    assert VENDOR.build_account((reply(queues),), {}).more_queues is False
    assert VENDOR.build_account((reply(queues | {"next_page": "…"}),), {}).more_queues is True


def test_options_are_what_a_ticket_can_hold() -> None:
    assert VENDOR.choices is not None
    (request,) = VENDOR.choices.requests(ACCOUNT)
    first = reply({"items": [{"id": "1", "Name": "General"}], "next_page": "…"})
    second = reply({"items": [{"id": "4", "Name": "Workshop"}]})

    following = required(VENDOR.choices.following(request, first))
    assert dict(following.query)["page"] == "2"
    assert VENDOR.choices.following(following, second) is None
    options_ = VENDOR.choices.read(ACCOUNT, "ticket", ((first, second),))
    assert [(one.value, one.label) for one in options_["team"]] == [("1", "General"), ("4", "Workshop")]
    assert [one.value for one in options_["priority"]] == ["low", "normal", "high"]
    assert "team" not in VENDOR.choices.read(Account(), "ticket", ((),))
    # What the account facts tell, so that a queue that is new is asked for once more before it is refused.
    known = VENDOR.choices.read(ACCOUNT, "ticket", ((),))["team"]
    assert [one.value for one in known] == list(ACCOUNT.queues)
    assert VENDOR.choices.read(ACCOUNT, "comment", ((),)) == {}


def test_the_token_is_sent_as_request_tracker_wants_it() -> None:
    assert VENDOR.auth.template.format(token="1-14-abc") == "token 1-14-abc"
    assert VENDOR.default_base_url is None
