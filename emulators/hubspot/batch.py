"""`/crm/v3/objects/{type}/batch/…`.

Without `objectWriteTraceId` a batch is all or nothing: one bad input answers with the error of a single call. With one
on every input, the good inputs are written and the bad ones are listed in `errors` of a 207 (documented for creates;
observed for upserts too). Missing records always make a 207.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.associations import joined, wanted_bonds
from emulators.hubspot.bodies import body_of, fields_missing, inputs_of, names_of
from emulators.hubspot.changes import Draft, drafted, redrafted
from emulators.hubspot.errors import Refusal
from emulators.hubspot.kinds import Bond, Kind
from emulators.hubspot.objects import archive_record, changed, wants_archived
from emulators.hubspot.records import Record, keep, keys_of, must_get, rendered, rendered_names, rendered_whole
from emulators.hubspot.values import instant_at
from emulators.state import State

Input = dict[str, Any]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One checked input: the record to write, whether it is new, and its associations."""

    draft: Draft
    new: bool
    bonds: tuple[tuple[Bond, str], ...] = ()


def create(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """201 with the whole records."""

    def work(one: Input) -> Work:
        bonds = tuple(wanted_bonds(kind, one.get("associations"), state))
        return Work(draft=drafted(kind, one.get("properties"), state, now), new=True, bonds=bonds)

    done, errors = _written(kind, inputs_of(body_of(call)), work, state, now)
    return _answer(201, [_traced(rendered_whole(kind, work.draft.record), one) for one, work in done], errors, now)


def update(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """200 with the changes of each record; 207 if ids are missing."""
    inputs = _distinct(inputs_of(body_of(call)))
    known: list[Input] = []
    missing: list[str] = []
    for one in inputs:
        if _there(kind, one, state) is None:
            missing.append(str(one["id"]))
        else:
            known.append(one)

    def work(one: Input) -> Work:
        record = must_get(kind, str(one["id"]), state, id_property=one.get("idProperty"))
        return Work(draft=redrafted(kind, record, one.get("properties"), state, now), new=False)

    done, errors = _written(kind, known, work, state, now)
    results = [_traced(changed(kind, work.draft), one) for one, work in done]
    return _answer(200, results, [*errors, *_not_found(kind, missing)], now)


def upsert(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """200; each result says in `new` whether it was created. `id` is the value of the unique property `idProperty`."""

    def work(one: Input) -> Work:
        id_property, id = one.get("idProperty"), str(one["id"])
        record = _there(kind, one, state)
        if record is not None:
            return Work(draft=redrafted(kind, record, one.get("properties"), state, now), new=False)
        if not id_property or id_property == "hs_object_id":
            raise none_exists(kind, [id])
        properties = one.get("properties")
        if not isinstance(properties, dict):
            raise fields_missing(["properties"])
        return Work(draft=drafted(kind, {id_property: id, **properties}, state, now), new=True)

    done, errors = _written(kind, _distinct(inputs_of(body_of(call))), work, state, now)
    results = []
    for one, work_done in done:
        draft = work_done.draft
        view = rendered_whole(kind, draft.record) if work_done.new else changed(kind, draft)
        results.append(_traced({**view, "new": work_done.new}, one))
    return _answer(200, results, errors, now)


def read(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """200 with the records; 207 if some or all are missing."""
    data = body_of(call)
    names = rendered_names(kind, names_of(data), state)
    results: list[Record] = []
    missing: list[str] = []
    for one in inputs_of(data):
        id = str(one.get("id"))
        try:
            record = must_get(kind, id, state, id_property=data.get("idProperty"), archived=wants_archived(call))
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            missing.append(id)
            continue
        results.append(rendered(kind, record, names))
    return _answer(200, results, _not_found(kind, missing), now)


def archive(kind: Kind, call: Call, state: State, now: float) -> Answer:
    """204, also for missing records."""
    for one in inputs_of(body_of(call)):
        record = state.get(kind.name, str(one.get("id")))
        if record is not None:
            archive_record(kind, record, state, now)
    return Answer(status=204)


def none_exists(kind: Kind, ids: list[str]) -> Refusal:
    """Return the error for ids that do not exist."""
    return Refusal(
        404,
        f"Could not get some {kind.label} objects, they may be deleted or not exist. Check that ids are valid.",
        category="OBJECT_NOT_FOUND",
        context={"ids": ids},
    )


def _not_found(kind: Kind, ids: list[str]) -> list[dict[str, Any]]:
    return [none_exists(kind, ids).entry(None)] if ids else []


def _there(kind: Kind, one: Input, state: State) -> Record | None:
    try:
        return must_get(kind, str(one["id"]), state, id_property=one.get("idProperty"))
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return None


def _distinct(inputs: list[Input]) -> list[Input]:
    ids = [str(one.get("id") or "") for one in inputs]
    if "" in ids:
        raise fields_missing(["id"])
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise Refusal(
            400,
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique",
            context={"ids": twice},
        )
    return inputs


def _written(
    kind: Kind, inputs: list[Input], work: Callable[[Input], Work], state: State, now: float
) -> tuple[list[tuple[Input, Work]], list[dict[str, Any]]]:
    """Write the valid inputs. Return them, and the error entries of the others."""
    if not all(one.get("objectWriteTraceId") for one in inputs):
        done = [(one, work(one)) for one in inputs]
        _ensure_apart(kind, [one_work for _, one_work in done], state)
        for _, one_work in done:
            _keep(kind, one_work, state, now)
        return done, []

    done = []
    errors: list[dict[str, Any]] = []
    for one in inputs:
        try:
            one_work = work(one)
        except Refusal as refusal:
            errors.append(refusal.entry(one["objectWriteTraceId"]))
            continue
        _keep(kind, one_work, state, now)
        done.append((one, one_work))
    return done, errors


def _keep(kind: Kind, work: Work, state: State, now: float) -> None:
    keep(kind, work.draft.record, state, now)
    for bond, target in work.bonds:
        joined(bond, work.draft.record["id"], target, state)


def _ensure_apart(kind: Kind, works: list[Work], state: State) -> None:
    """Refuse two inputs of one batch with the same unique value."""
    claimed: dict[tuple[str, str], str] = {}
    for work in works:
        record = work.draft.record
        for claim in keys_of(kind, record["properties"], state).items():
            if claimed.setdefault(claim, record["id"]) != record["id"]:
                raise Refusal(400, f"Duplicate values found in batch input: [{claim[1]}]. Values must be unique")


def _traced(view: Record, one: Input) -> Record:
    trace_id = one.get("objectWriteTraceId")
    return {**view, "objectWriteTraceId": trace_id} if trace_id else view


def _answer(status: int, results: list[Record], errors: list[dict[str, Any]], now: float) -> Answer:
    at = instant_at(now)
    answer: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
    if not errors:
        return json_answer(status, answer)
    return json_answer(207, {**answer, "numErrors": len(errors), "errors": errors})
