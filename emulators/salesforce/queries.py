"""The calls that run queries and return their records in batches."""

import secrets
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.salesforce.conditions import comparable, exact, fulfils, reach, related, relation_of
from emulators.salesforce.errors import Refusal, malformed_query
from emulators.salesforce.ids import eighteen
from emulators.salesforce.org import Org
from emulators.salesforce.schema import CHILD_LINKS, SObject
from emulators.salesforce.soql import Query, Sort, parse
from emulators.state import JsonRecord

BATCH = 2000
LEAST_BATCH = 200
LOCATOR_LIFE = 2 * 86400.0
MOST_OFFSET = 2000


def query(org: Org, call: Call, *, deleted_too: bool) -> Answer:
    """Return the first batch of a query."""
    text = call.param("q")
    if not text:
        raise malformed_query("A query string has to be specified")
    parsed = parse(text)
    sobject = _source(org, parsed.source)
    matches = run(org, sobject, parsed, deleted_too=deleted_too)
    if parsed.counts:
        return json_answer(200, {"totalSize": len(matches), "done": True, "records": []})
    rows = [str(record["Id"]) for record in matches]
    return json_answer(200, _batch(org, sobject, parsed, rows, 0, _size(call), _Place(text, None)))


def follow(org: Org, call: Call, locator: str) -> Answer:
    """Return a further batch."""
    name, _, offset = locator.rpartition("-")
    kept = org.state.recall(f"locator {name}") if offset.isdecimal() else None
    if kept is None:
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    parsed = parse(kept["soql"])
    sobject = _source(org, parsed.source)
    place = _Place(kept["soql"], kept["child"])
    if place.child is not None:
        parsed = parsed.children[place.child]
        sobject = org.sobject(sobject.children[_relation(sobject, parsed.source)][0])
    body = _batch(org, sobject, parsed, kept["rows"], int(offset), kept["size"], place, name)
    return json_answer(200, body)


def run(
    org: Org, sobject: SObject, parsed: Query, *, deleted_too: bool = False, among: list[JsonRecord] | None = None
) -> list[JsonRecord]:
    """Return the matches of a query, in its order. `among` limits them to these records."""
    for name in parsed.fields:
        reach(org, sobject, name)
    holds = None if parsed.where is None else fulfils(org, sobject, parsed.where)
    records = _candidates(org, sobject, parsed) if among is None else among
    matches = [one for one in records if (deleted_too or not one["IsDeleted"]) and (holds is None or holds(one))]
    for sort in reversed(parsed.sorts):
        matches = _sorted(org, sobject, sort, matches)
    if parsed.offset > MOST_OFFSET:
        raise Refusal(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    end = None if parsed.limit is None else parsed.offset + parsed.limit
    return matches[parsed.offset : end]


class _Place:
    """The source of a batch: a query, or one of its child relationships."""

    def __init__(self, soql: str, child: int | None) -> None:
        self.soql = soql
        self.child = child


def _batch(
    org: Org,
    sobject: SObject,
    parsed: Query,
    rows: list[str],
    start: int,
    size: int,
    place: _Place,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the records from `start` on, and the address of the rest."""
    batch = [record for id in rows[start : start + size] if (record := org.get(sobject.name, id)) is not None]
    body: dict[str, Any] = {"totalSize": len(rows), "done": start + size >= len(rows)}
    if not body["done"]:
        if name is None:
            name = f"01g{secrets.token_hex(6)}AAQ"
            kept = {"soql": place.soql, "child": place.child, "rows": rows, "size": size}
            org.state.remember(f"locator {name}", kept, LOCATOR_LIFE)
        body["nextRecordsUrl"] = f"/services/data/{org.version}/query/{name}-{start + size}"
    body["records"] = [_row(org, sobject, parsed, record, size, place) for record in batch]
    return body


def _row(org: Org, sobject: SObject, parsed: Query, record: JsonRecord, size: int, place: _Place) -> dict[str, Any]:
    """Return a record with the fields of the query: relations as nested records, children as nested answers."""
    row = _with_attributes(org, sobject, record)
    for path in parsed.fields:
        _put(org, sobject, record, path, row)
    for at, child in enumerate(parsed.children):
        relation = _relation(sobject, child.source)
        name, back = sobject.children[relation]
        inner = org.sobject(name)
        rows = run(org, inner, child, among=org.state.lookup(name, back, record["Id"]))
        ids = [str(one["Id"]) for one in rows]
        row[relation] = _batch(org, inner, child, ids, 0, size, _Place(place.soql, at)) if ids else None
    return row


def _put(org: Org, sobject: SObject, record: JsonRecord, path: str, row: dict[str, Any]) -> None:
    head, dot, beyond = path.partition(".")
    if not dot:
        field, get = reach(org, sobject, head)
        row[field.name] = get(record)
        return
    link = relation_of(sobject, head)
    other = related(org, link, record)
    relation = link.relation or head
    if other is None:
        row[relation] = None
        return
    target = org.sobject(next(name for name in link.refers if org.get(name, other["Id"]) is not None))
    inner = row.setdefault(relation, _with_attributes(org, target, other))
    _put(org, target, other, beyond, inner)


def _with_attributes(org: Org, sobject: SObject, record: JsonRecord) -> dict[str, Any]:
    return {"attributes": {"type": sobject.name, "url": org.url(sobject.name, str(record["Id"]))}}


def _candidates(org: Org, sobject: SObject, parsed: Query) -> list[JsonRecord]:
    """Return all records, or only those with the id or unique value in the condition."""
    id = exact(parsed.where, "Id")
    if id is not None:
        record = org.get(sobject.name, eighteen(id))
        return [] if record is None else [record]
    for field in sobject.fields.values():
        keyed = field.case_sensitive if field.unique else (sobject.name, field.name) in CHILD_LINKS
        value = exact(parsed.where, field.name) if keyed else None
        if value is not None:
            return org.state.lookup(sobject.name, field.name, value if field.unique else eighteen(value))
    return org.state.all(sobject.name)


def _sorted(org: Org, sobject: SObject, sort: Sort, records: list[JsonRecord]) -> list[JsonRecord]:
    field, get = reach(org, sobject, sort.field)
    empty = [one for one in records if get(one) is None]
    filled = sorted(
        (one for one in records if get(one) is not None),
        key=lambda one: comparable(field, get(one)),
        reverse=sort.descending,
    )
    return filled + empty if sort.nulls_last else empty + filled


def _source(org: Org, name: str) -> SObject:
    try:
        return org.sobject(name)
    except Refusal:
        message = f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure"
        raise Refusal(400, "INVALID_TYPE", f"{message} to append the '__c' after the entity name.") from None


def _relation(sobject: SObject, name: str) -> str:
    for relation in sobject.children:
        if relation.lower() == name.lower():
            return relation
    message = f"Didn't understand relationship '{name}' in FROM part of query call."
    raise Refusal(400, "INVALID_TYPE", message)


def _size(call: Call) -> int:
    option = call.headers.get("sforce-query-options", "")
    _, _, number = option.partition("batchSize=")
    return min(max(int(number), LEAST_BATCH), BATCH) if number.strip().isdecimal() else BATCH
