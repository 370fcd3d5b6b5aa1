"""The calls on tickets and their comments."""

import hashlib

import msgspec

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.zendesk import tickets
from emulators.zendesk.comments import comments_of
from emulators.zendesk.desk import Desk, body_of
from emulators.zendesk.errors import bad_request, not_found, other_parameters
from emulators.zendesk.paging import by_cursor, listed, listed_few
from emulators.zendesk.sideload import side_loads

KEY_LIFE = 2 * 3600.0
KEY_LENGTH = 255
LOOKUP = "x-idempotency-lookup"
MANY = 100
CURSOR_SORTS = ("id", "updated_at", "status")


def list_tickets(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the tickets that are not deleted, or those with one `external_id`, which is not unique."""
    external_id = call.param("external_id")
    if external_id is not None:
        return listed_few(desk, call, "tickets", with_external_id(desk, external_id), side_loads(desk, call))
    if by_cursor(call) and call.param("sort") is not None:
        return _sorted(desk, call, desk.state.find("tickets", _not_deleted))
    sort_by = call.param("sort_by")
    if sort_by is not None and not by_cursor(call):
        ordered = sorted(
            desk.state.find("tickets", _not_deleted), key=lambda ticket: str(ticket.get(sort_by) or ticket["id"])
        )
        if call.param("sort_order") == "desc":
            ordered.reverse()
        return listed_few(desk, call, "tickets", ordered, side_loads(desk, call))
    return listed(desk, call, "tickets", keep=_not_deleted, extra=side_loads(desk, call))


def list_requested(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List the tickets of a requester that are not deleted, by cursor."""
    user = desk.must_get("users", ids[0])
    matches = desk.state.find("tickets", lambda one: _not_deleted(one) and one["requester_id"] == user["id"])
    return _sorted(desk, call, matches)


def _sorted(desk: Desk, call: Call, tickets: list[JsonRecord]) -> Answer:
    """Return one page in the order of `sort`, a name with a minus for descending; by id without one."""
    name = call.param("sort") or "id"
    field = name.removeprefix("-")
    if field not in CURSOR_SORTS:
        raise bad_request("InvalidPaginationParameter", f"sort is not valid: {name}")
    tickets.sort(key=lambda one: (str(one[field]) if field != "id" else "", int(one["id"])), reverse=name != field)
    return listed_few(desk, call, "tickets", tickets, side_loads(desk, call))


def show_many(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return up to 100 tickets by `ids`, comma-separated, without those that do not exist."""
    requested = [part.strip() for part in (call.param("ids") or "").split(",") if part.strip()]
    if not requested or len(requested) > MANY:
        raise bad_request("InvalidParameter", f"Between 1 and {MANY} ids are expected")
    read = (desk.state.get("tickets", one) for one in dict.fromkeys(requested))
    tickets = [ticket for ticket in read if ticket is not None and _not_deleted(ticket)]
    extra = side_loads(desk, call)
    body = {"tickets": tickets, "next_page": None, "previous_page": None, "count": len(tickets)}
    return json_answer(200, {**body, **(extra(tickets) if extra else {})})


def show_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one ticket. 404 for a deleted one."""
    ticket = _live(desk, ids[0])
    extra = side_loads(desk, call)
    return json_answer(200, {"ticket": ticket, **(extra([ticket]) if extra else {})})


def create_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Create a ticket. With an `Idempotency-Key`, a repeat within two hours gets the first answer (`hit`)."""
    key = call.headers.get("idempotency-key")
    if key is None:
        return _create(desk, call)
    if not 0 < len(key) <= KEY_LENGTH:
        raise bad_request("InvalidIdempotencyKey", f"An idempotency key has between 1 and {KEY_LENGTH} characters")

    digest = hashlib.sha256(msgspec.json.encode(call.json(), order="deterministic")).hexdigest()
    earlier = desk.state.recall(f"ticket {key}")
    if earlier is None:
        answer = _create(desk, call)
        value = {"digest": digest, "body": answer.body.decode(), "location": answer.headers["location"]}
        desk.state.remember(f"ticket {key}", value, KEY_LIFE)
        return answer.with_headers({LOOKUP: "miss"})
    if earlier["digest"] != digest:
        raise other_parameters()
    same = Answer(status=201, body=earlier["body"].encode())
    return same.with_headers(json_answer(201, None).headers | {"location": earlier["location"], LOOKUP: "hit"})


def update_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent, and add a comment."""
    ticket, audit = tickets.update(desk, _live(desk, ids[0]), body_of(call, "ticket"))
    return json_answer(200, {"ticket": ticket, "audit": audit})


def delete_ticket(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Delete softly."""
    tickets.delete(desk, _live(desk, ids[0]))
    return Answer(status=204)


def list_comments(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List a ticket's comments, oldest first unless `sort_order=desc` or `sort=-created_at`."""
    thread = comments_of(desk, _live(desk, ids[0])["id"])
    if call.param("sort_order") == "desc" or call.param("sort") == "-created_at":
        thread.reverse()
    return listed_few(desk, call, "comments", thread, side_loads(desk, call))


def with_external_id(desk: Desk, external_id: str) -> list[JsonRecord]:
    """Return the tickets with this external id, which is not unique."""
    return desk.state.lookup("tickets", "external_id", external_id)


def _create(desk: Desk, call: Call) -> Answer:
    ticket, audit = tickets.create(desk, body_of(call, "ticket"))
    return json_answer(201, {"ticket": ticket, "audit": audit}, {"location": ticket["url"]})


def _live(desk: Desk, id: str) -> JsonRecord:
    ticket = desk.must_get("tickets", id)
    if ticket["status"] == "deleted":
        raise not_found()
    return ticket


def _not_deleted(ticket: JsonRecord) -> bool:
    return bool(ticket["status"] != "deleted")
