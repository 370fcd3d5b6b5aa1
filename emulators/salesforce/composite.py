"""Composite requests: later parts may refer to answers of earlier ones, and one failure undoes them all.

`@{order.id}` is the member `id` in the answer to the part whose `referenceId` is `order`.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from emulators.http import Answer, Call, json_answer, read_query
from emulators.salesforce import saving
from emulators.salesforce.errors import Refusal, unreadable
from emulators.salesforce.org import Org
from emulators.salesforce.sobject_calls import body_of

MOST_PARTS = 25
MOST_RECORDS = 200
REFERENCE = re.compile(r"@\{([A-Za-z][A-Za-z0-9_]*)((?:\.[A-Za-z0-9_]+|\[\d+\])+)\}")
STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
HALTED = "The transaction was rolled back since another operation in the same transaction failed."
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"
Routed = Callable[[Org, Call], Answer]


class _Undone(Exception):
    """A part failed, so all are undone. `place` is its index."""

    def __init__(self, place: int, answer: Answer) -> None:
        super().__init__(place)
        self.place = place
        self.answer = answer


def composite(org: Org, call: Call, routed: Routed) -> Answer:
    """Run the parts in order. The answer is a 200 with the answer of each part, also of failed ones."""
    order = body_of(call)
    parts = _objects(order.get("compositeRequest"), MOST_PARTS, "subrequests")
    names = [name for part in parts if isinstance(name := part.get("referenceId"), str) and name]
    if len(set(names)) != len(parts):
        raise Refusal(400, "INVALID_REQUEST", "Every subrequest needs a referenceId of its own")
    strict = bool(order.get("allOrNone"))
    answers: list[Answer] = []
    try:
        with org.state.savepoint():
            _run(org, call, parts, routed, answers, strict=strict)
    except _Undone as undone:
        halted = Refusal(400, "PROCESSING_HALTED", HALTED).answer
        answers = [undone.answer if place == undone.place else halted for place in range(len(parts))]
    results = [_result(answer, name) for answer, name in zip(answers, names, strict=True)]
    return json_answer(200, {"compositeResponse": results})


def _objects(objects: Any, most: int, what: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a request. Raises Refusal for none, too many, or anything else."""
    if not isinstance(objects, list) or not 0 < len(objects) <= most:
        raise Refusal(400, "INVALID_REQUEST", f"Between 1 and {most} {what} are expected")
    if not all(isinstance(one, dict) for one in objects):
        raise unreadable()
    return objects


def _run(
    org: Org, call: Call, parts: list[dict[str, Any]], routed: Routed, answers: list[Answer], *, strict: bool
) -> None:
    known: dict[str, Any] = {}
    for place, part in enumerate(parts):
        try:
            with org.state.savepoint():
                answer = routed(org, _call_of(call, _filled(part, known), strict=strict))
        except Refusal as refusal:
            answer = refusal.answer
        failed = answer.status >= 400 or _has_failures(answer)
        if strict and failed:
            raise _Undone(place, answer)
        known[part["referenceId"]] = answer.json() if answer.body else None
        answers.append(answer)


def create_many(org: Org, call: Call) -> Answer:
    """Create up to 200 records. With `allOrNone`, one failure undoes the others."""
    order = body_of(call)
    records = _objects(order.get("records"), MOST_RECORDS, "records")
    outcomes: list[dict[str, Any]] = []
    try:
        with org.state.savepoint():
            outcomes += [_made(org, call, record) for record in records]
            if order.get("allOrNone") and not all(one["success"] for one in outcomes):
                raise _Undone(0, Answer(status=200))
    except _Undone:
        halted = Refusal(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK)
        outcomes = [one if not one["success"] else halted.result for one in outcomes]
    return json_answer(200, outcomes)


def _made(org: Org, call: Call, record: dict[str, Any]) -> dict[str, Any]:
    try:
        with org.state.savepoint():
            attributes = record.get("attributes")
            sobject = org.sobject(str(attributes.get("type") if isinstance(attributes, dict) else None))
            made = saving.create(org, sobject, record, call)
    except Refusal as refusal:
        return refusal.result
    return {"id": made["Id"], "success": True, "errors": []}


def _has_failures(answer: Answer) -> bool:
    errors = answer.json() if answer.body else None
    return isinstance(errors, list) and any(isinstance(one, dict) and one.get("success") is False for one in errors)


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """Return the part with every reference replaced by its value."""
    if isinstance(value, dict):
        return {name: _filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole is not None:
        return _named(whole, known)
    return REFERENCE.sub(lambda match: str(_named(match, known)), value)


def _named(match: re.Match[str], known: dict[str, Any]) -> Any:
    value = known.get(match[1])
    for name, index in STEP.findall(match[2]):
        if name and isinstance(value, dict) and name in value:
            value = value[name]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            message = f"Invalid reference specified. No value for {match[0][2:-1]} found in {match[1]}"
            raise Refusal(400, "PROCESSING_HALTED", message)
    return value


def _call_of(call: Call, part: dict[str, Any], *, strict: bool) -> Call:
    path, _, query = str(part.get("url", "")).partition("?")
    body = part.get("body")
    if strict and isinstance(body, dict) and "records" in body:
        body = body | {"allOrNone": True}
    return Call(
        method=str(part.get("method", "")).upper(),
        path=unquote(path),
        query=read_query(query.encode()),
        headers=call.headers,
        body=b"" if body is None else msgspec.json.encode(body),
    )


def _result(answer: Answer, name: str | None) -> dict[str, Any]:
    headers = {"Location": answer.headers["location"]} if "location" in answer.headers else {}
    body = answer.json() if answer.body else None
    return {"body": body, "httpHeaders": headers, "httpStatusCode": answer.status, "referenceId": name}
