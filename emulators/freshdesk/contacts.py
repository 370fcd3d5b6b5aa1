"""Contacts: valid values, the owner of an address, and the calls on contacts."""

from typing import Any

from emulators.freshdesk import checking, fields
from emulators.freshdesk.desk import Desk, body_of, ensure, known_parameters, moment_of
from emulators.freshdesk.errors import complaint, duplicate, not_allowed, not_found
from emulators.freshdesk.paging import PAGING, paged
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord

LANGUAGES = (
    *("ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "es-LA", "et", "fi", "fil", "fr", "he", "hr", "hu"),
    *("id", "is", "it", "ja-JP", "ko", "lt", "lv-LV", "ms", "nb-NO", "nl", "no", "pl", "pt-BR", "pt-PT", "ro", "ru"),
    *("sk", "sl", "sr", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
)
MOST_ADDRESSES = 10
REACH = ("email", "mobile", "phone", "twitter_id", "unique_external_id")
FILTERS = ("email", "mobile", "phone", "company_id", "state", "_updated_since", "unique_external_id", *PAGING)
NULLABLE = (*REACH, "address", "company_id", "description", "job_title", "other_emails", "tags", "custom_fields")
# Members that lists omit.
ALONE = ("tags", "other_emails", "avatar", "view_all_tickets", "other_companies")


def _zone(value: Any) -> str | None:
    """Accept a name of Ruby on Rails, not of the IANA."""
    if checking.text(value) is not None or not value or ("/" in value and value != "Etc/UTC"):
        return "It should be one of these values: 'International Date Line West,American Samoa,Midway Island,Hawaii'"
    return None


CHECKS: dict[str, checking.Check] = {
    "name": checking.line,
    "email": checking.email,
    "phone": checking.line,
    "mobile": checking.line,
    "twitter_id": checking.line,
    "unique_external_id": checking.line,
    "other_emails": checking.emails,
    "company_id": checking.number,
    "address": checking.text,
    "description": checking.text,
    "job_title": checking.line,
    "language": checking.one_of(LANGUAGES),
    "time_zone": _zone,
    "tags": checking.tags,
    "custom_fields": checking.mapping,
}


def blank(desk: Desk, id: int) -> JsonRecord:
    """Return an empty contact."""
    return {
        "active": False,
        "address": None,
        "company_id": None,
        "view_all_tickets": False,
        "description": None,
        "email": None,
        "id": id,
        "job_title": None,
        "language": "en",
        "mobile": None,
        "name": None,
        "phone": None,
        "time_zone": "London",
        "twitter_id": None,
        "custom_fields": {one["name"]: None for one in fields.custom_fields(desk, "contact_fields")},
        "tags": [],
        "other_emails": [],
        "facebook_id": None,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "csat_rating": None,
        "preferred_source": None,
        "other_companies": [],
        "unique_external_id": None,
        "avatar": None,
    }


def keep(desk: Desk, contact: JsonRecord) -> None:
    """Write a contact, indexed by its unique values, deleted or not."""
    # One key for each address: the primary one at place 0, then the others.
    keys = {f"email {place}": address for place, address in enumerate(_addresses(contact))}
    if contact["unique_external_id"]:
        keys["unique_external_id"] = str(contact["unique_external_id"])
    desk.state.put("contacts", str(contact["id"]), contact, keys)


def holder(desk: Desk, address: str) -> JsonRecord | None:
    """Return the contact or agent with an address."""
    wanted = address.lower()
    agents = desk.state.lookup("agents", "email", wanted)
    if agents:
        return agents[0]
    contacts = (desk.state.lookup("contacts", f"email {place}", wanted) for place in range(MOST_ADDRESSES))
    return next((one for some in contacts for one in some), None)


def with_external_id(desk: Desk, key: str) -> JsonRecord | None:
    """Return the contact with this unique external id."""
    return next(iter(desk.state.lookup("contacts", "unique_external_id", key)), None)


def made(desk: Desk, body: dict[str, Any]) -> JsonRecord:
    """Create a contact."""
    complaints = _complaints(desk, body)
    if not body.get("name"):
        complaints.append(complaint("name", "It should be a/an String", "missing_field"))
    if not any(body.get(name) for name in REACH):
        complaints.append(complaint("email", f"Please fill at least 1 of {', '.join(REACH)} fields", "missing_field"))
    ensure(complaints)
    contact = _applied(desk, blank(desk, desk.new_id()), body)
    keep(desk, contact)
    return contact


def list_contacts(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """List contacts by name; deleted ones only with `state=deleted`."""
    known_parameters(call, FILTERS)
    state, since = call.param("state"), call.param("_updated_since")
    matches = [one for one in desk.state.all("contacts") if bool(one.get("deleted")) == (state == "deleted")]
    for name in ("mobile", "phone", "unique_external_id", "company_id"):
        if (wanted := call.param(name)) is not None:
            matches = [one for one in matches if str(one[name]) == wanted]
    if (address := call.param("email")) is not None:
        matches = [one for one in matches if address.lower() in _addresses(one)]
    if since is not None:
        start = moment_of(since)
        if start is None:
            ensure([complaint("_updated_since", checking.moment(None) or "", "invalid_date")])
        matches = [one for one in matches if str(one["updated_at"]) >= str(start)]
    matches.sort(key=lambda one: str(one["name"] or "").lower())
    return paged(desk, call, [{key: one[key] for key in one if key not in ALONE} for one in matches])


def create_contact(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Create a contact. 409 if its address or external id is taken."""
    return json_answer(201, made(desk, body_of(call)))


def show_contact(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Return one contact, deleted or not."""
    return json_answer(200, desk.must_get("contacts", ids[0]))


def update_contact(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Change the members that are sent."""
    contact, body = _live(desk, call, ids[0]), body_of(call)
    complaints = _complaints(desk, body)
    if "name" in body and not body["name"]:
        complaints.append(complaint("name", "It should not be blank as this is a mandatory field", "invalid_value"))
    changed = contact | {key: body[key] for key in REACH if key in body}
    if not any(changed[name] for name in REACH):
        complaints.append(complaint("email", f"Please fill at least 1 of {', '.join(REACH)} fields", "missing_field"))
    ensure(complaints)
    changed = _applied(desk, contact, body) | {"updated_at": desk.stamp}
    keep(desk, changed)
    return json_answer(200, changed)


def delete_contact(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Delete softly: its unique values stay taken."""
    contact = desk.must_get("contacts", ids[0])
    if contact.get("deleted"):
        raise not_found()
    keep(desk, contact | {"deleted": True, "updated_at": desk.stamp})
    return Answer(status=204)


def restore_contact(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Undo a deletion."""
    contact = desk.must_get("contacts", ids[0])
    if not contact.get("deleted"):
        raise not_found()
    keep(desk, {key: contact[key] for key in contact if key != "deleted"} | {"updated_at": desk.stamp})
    return Answer(status=204)


def merge_contacts(desk: Desk, call: Call, ids: tuple[str, ...]) -> Answer:
    """Move the tickets of the secondary contacts to the primary one. The secondary contacts are deleted."""
    body = body_of(call)
    primary = desk.must_get("contacts", str(body.get("primary_contact_id")))
    secondary = [desk.must_get("contacts", str(id)) for id in body.get("secondary_contact_ids") or ()]
    ensure([] if secondary else [complaint("secondary_contact_ids", "It should be a/an Array", "missing_field")])
    gone = {one["id"] for one in secondary}
    for ticket in desk.state.find("tickets", lambda one: one["requester_id"] in gone):
        changed = ticket | {"requester_id": primary["id"], "updated_at": desk.stamp}
        desk.state.put("tickets", str(ticket["id"]), changed)
    for one in secondary:
        keep(desk, one | {"deleted": True, "updated_at": desk.stamp})
    keep(desk, primary | {"updated_at": desk.stamp})
    return Answer(status=204)


def _addresses(contact: JsonRecord) -> list[str]:
    return [str(one).lower() for one in (contact.get("email"), *(contact.get("other_emails") or ())) if one]


def _live(desk: Desk, call: Call, id: str) -> JsonRecord:
    contact = desk.must_get("contacts", id)
    if contact.get("deleted"):
        raise not_allowed(call.method)
    return contact


def _complaints(desk: Desk, body: dict[str, Any]) -> list[JsonRecord]:
    complaints = checking.members(body, CHECKS, NULLABLE)
    others = body.get("other_emails")
    if isinstance(others, list) and len(others) >= MOST_ADDRESSES:
        complaints.append(complaint("other_emails", f"Has {len(others)} elements, it can have fewer", "invalid_value"))
    if body.get("custom_fields") is not None:
        complaints += checking.custom(body["custom_fields"], fields.custom_fields(desk, "contact_fields"))
    if isinstance(body.get("company_id"), int) and desk.state.get("companies", str(body["company_id"])) is None:
        complaints.append(complaint("company_id", "There is no company matching the given company_id", "invalid_value"))
    return complaints


def _applied(desk: Desk, contact: JsonRecord, body: dict[str, Any]) -> JsonRecord:
    changed = contact | {key: value for key, value in body.items() if key != "custom_fields"}
    changed["custom_fields"] = contact["custom_fields"] | (body.get("custom_fields") or {})
    changed["tags"], changed["other_emails"] = changed["tags"] or [], changed["other_emails"] or []
    for name in ("email", "other_emails"):
        for address in [changed[name]] if name == "email" else changed[name]:
            other = None if not address else holder(desk, address)
            if other is not None and other["id"] != contact["id"]:
                raise duplicate(name, other["id"])
    key = changed["unique_external_id"]
    other = None if not key else with_external_id(desk, key)
    if other is not None and other["id"] != contact["id"]:
        raise duplicate("unique_external_id", other["id"])
    return changed
