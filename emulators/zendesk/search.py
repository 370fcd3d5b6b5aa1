"""Zendesk's search language over the lagging index: `type:ticket status<solved tags:vip "blue screen" -refund`."""

import re
from collections.abc import Callable

import msgspec

from emulators.addresses import folded
from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk, iso
from emulators.zendesk.identities import owner_of
from emulators.zendesk.index import known

KINDS = ("ticket", "user")
TERM = re.compile(r'(-?)(?:([a-z_]+(?:_\d+)?)(<=|>=|[:<>]))?("[^"]*"|\S+)')
STATUS_ORDER = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITY_ORDER = ("low", "normal", "high", "urgent")
# Other names of fields in queries.
FIELDS = {"created": "created_at", "updated": "updated_at", "ticket_type": "type", "due_date": "due_at"}
REFERENCES = {"group": ("group_id", "groups"), "organization": ("organization_id", "organizations")}
AGO = re.compile(r"(\d+)(minute|hour|day|week|month|year)s?")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000}
PEOPLE = {"requester": "requester_id", "assignee": "assignee_id", "submitter": "submitter_id"}
ORDERINGS = ("created_at", "updated_at", "priority", "status", "ticket_type")
# Fields that match by single words; all others match as a whole.
WORDY = ("subject", "description", "name", "notes", "details")
COMPARISONS: dict[str, Callable[[tuple[int, str], tuple[int, str]], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a query: a free word when `field` is empty."""

    field: str
    comparison: str
    value: str
    negated: bool


def parsed(query: str) -> list[Term]:
    """Return the terms of a query, without quotes."""
    return [
        Term(field=field, comparison=comparison, value=value.strip('"'), negated=minus == "-")
        for minus, field, comparison, value in TERM.findall(query)
    ]


def matching(desk: Desk, query: str) -> list[JsonRecord]:
    """Return the users and tickets that match every term, each as the index has it, oldest first."""
    terms = [_dated(desk, term) for term in parsed(query)]
    kinds = {term.value.rstrip("s") for term in terms if term.field == "type" and term.value.rstrip("s") in KINDS}
    conditions = [term for term in terms if not (term.field == "type" and term.value.rstrip("s") in KINDS)]
    results: list[JsonRecord] = []
    for kind in sorted(kinds or KINDS):
        candidates = known(desk, f"{kind}s", _narrowing(kind, conditions))
        results += [record for record in candidates if all(_holds(desk, record, term) for term in conditions)]
    return results


def ordered(records: list[JsonRecord], by: str | None, descending: bool) -> list[JsonRecord]:
    """Return the records in the requested order; by default newest first, where the vendor sorts by relevance."""
    if by not in ORDERINGS:
        return sorted(records, key=lambda record: str(record["created_at"]), reverse=True)

    name = FIELDS.get(by, by)
    return sorted(records, key=lambda record: _rank(name, record.get(name)), reverse=descending)


def _dated(desk: Desk, term: Term) -> Term:
    """Replace a relative time such as `updated>4hours` by its moment."""
    ago = AGO.fullmatch(term.value.lower())
    if ago is None or not FIELDS.get(term.field, term.field).endswith("_at"):
        return term
    moment = iso(desk.now - int(ago[1]) * SECONDS[ago[2]])
    return Term(field=term.field, comparison=term.comparison, value=moment, negated=term.negated)


def _narrowing(kind: str, terms: list[Term]) -> tuple[str, str] | None:
    """Return an indexed key of one of the terms, so that not every record must be read."""
    indexed = ("external_id", "tag") if kind == "ticket" else ("external_id", "email")
    for term in terms:
        name = "tag" if term.field == "tags" else term.field
        if name in indexed and term.comparison == ":" and not term.negated and term.value not in ("none", "*"):
            value = {"external_id": term.value, "email": folded(term.value)}.get(name, term.value.lower())
            if " " not in value and "*" not in value:
                return name, value
    return None


def _holds(desk: Desk, record: JsonRecord, term: Term) -> bool:
    return _fits(desk, record, term) is not term.negated


def _fits(desk: Desk, record: JsonRecord, term: Term) -> bool:
    if not term.field:
        return _contains(record, term.value)
    if term.field == "tags":
        wanted = term.value.lower().split()
        tags = record["tags"] or ()
        return not tags if wanted == ["none"] else any(tag in tags for tag in wanted)
    if term.field.startswith("custom_field_"):
        id = term.field.removeprefix("custom_field_")
        values = [field["value"] for field in record.get("custom_fields", ()) if str(field["id"]) == id]
        return any(_compare(":", "", value, term.value) for value in values)
    if term.field == "email" and term.comparison == ":" and owner_of(desk, term.value) == record["id"]:
        return True  # also by an address that is not the primary one
    if term.field in PEOPLE:
        return _person(desk, record.get(PEOPLE[term.field]), term.value)
    if term.field in REFERENCES:
        reference, object = REFERENCES[term.field]
        return _named(desk, object, record.get(reference), term.value)
    if term.field == "fieldvalue":
        return any(_compare(":", "", field["value"], term.value) for field in record.get("custom_fields", ()))

    name = FIELDS.get(term.field, term.field)
    if name not in record and name in record.get("user_fields", {}):
        return _compare(term.comparison, name, record["user_fields"][name], term.value)
    return name in record and _compare(term.comparison, name, record[name], term.value)


def _person(desk: Desk, user_id: object, value: str) -> bool:
    if value == "none":
        return user_id is None
    if "@" in value:
        return user_id is not None and owner_of(desk, value) == user_id
    user = desk.state.get("users", str(user_id))
    return str(user_id) == value or (user is not None and value.lower() in str(user["name"]).lower())


def _named(desk: Desk, object: str, id: object, value: str) -> bool:
    if value == "none" or id is None:
        return value == "none" and id is None
    referred = desk.state.get(object, str(id))
    return str(id) == value or (referred is not None and str(referred["name"]).lower() == value.lower())


def _compare(comparison: str, name: str, stored: object, value: str) -> bool:
    if comparison == ":":
        return _equals(name, stored, value)
    if stored is None:
        return False
    left, right = _rank(name, stored), _rank(name, value)
    return COMPARISONS[comparison](left, right)


def _equals(name: str, stored: object, value: str) -> bool:
    if value == "none":
        return stored is None or stored == ""
    if value == "*":
        return stored is not None
    if stored is None:
        return False
    if isinstance(stored, bool):
        return value.lower() == str(stored).lower()
    text, wanted = str(stored).lower(), value.lower()
    if wanted.endswith("*"):
        return text.startswith(wanted[:-1])
    if name.endswith("_at"):
        return text.startswith(wanted)
    return wanted in text.split() or wanted == text if name in WORDY else wanted == text


def _rank(name: str, value: object) -> tuple[int, str]:
    """Return a value in sortable form: by the vendor's order for statuses and priorities, else as text."""
    order = {"status": STATUS_ORDER, "priority": PRIORITY_ORDER}.get(name, ())
    text = str(value or "").lower()
    return (order.index(text) if text in order else -1, text)


def _contains(record: JsonRecord, words: str) -> bool:
    names = (
        ("subject", "description") if "subject" in record else ("name", "email", "phone", "alias", "notes", "details")
    )
    text = " ".join(str(record.get(name) or "") for name in names).lower()
    return words.lower().rstrip("*") in text
