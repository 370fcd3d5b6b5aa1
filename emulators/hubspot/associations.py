"""Associations between records, in both directions: with a new record, through v3's list, and through v4."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.bodies import body_of, decoded, fields_missing, inputs_of
from emulators.hubspot.errors import Refusal
from emulators.hubspot.kinds import BOND_BY_ID, BONDS, Bond, Kind, default_bond, kind_of
from emulators.hubspot.records import must_get
from emulators.hubspot.values import instant_at
from emulators.state import State

_ASSOCIATIONS = "associations"
_KIND_BY_NAME = {bond.source: kind_of(bond.source) for bond in BONDS}


def wanted_bonds(kind: Kind, entries: Any, state: State) -> list[tuple[Bond, str]]:
    """Return the `associations` of a new record as association types and target ids. Refuses invalid ones with 400."""
    bonds: list[tuple[Bond, str]] = []
    try:
        for entry in entries or []:
            target = str(entry["to"]["id"])
            bonds += [(_bond(kind, int(one["associationTypeId"])), target) for one in entry["types"]]
    except (KeyError, TypeError, ValueError) as error:
        raise fields_missing(["associations"]) from error
    for bond, target in bonds:
        _ensure_there(_KIND_BY_NAME[bond.target], target, state)
    return bonds


def joined(bond: Bond, source: str, target: str, state: State) -> None:
    """Associate two records, in both directions. A repeat changes nothing."""
    back = BOND_BY_ID[bond.inverse]
    for one, first, second in ((bond, source, target), (back, target, source)):
        state.put(
            _ASSOCIATIONS,
            f"{one.type_id}:{first}:{second}",
            {"type_id": one.type_id, "from": first, "to": second},
            {f"{one.source} to {one.target}": first},
        )


def associated(kind: Kind, id: str, target: Kind, state: State) -> list[tuple[str, Bond]]:
    """Return the associations of a record, without archived records."""
    rows = state.lookup(_ASSOCIATIONS, f"{kind.name} to {target.name}", id)
    return [(row["to"], BOND_BY_ID[row["type_id"]]) for row in rows if _is_there(target, row["to"], state)]


def put_default(kind: Kind, id: str, target: Kind, target_id: str, state: State, now: float) -> Answer:
    """`PUT …/associations/default/…`: 200 with both directions."""
    bond = default_bond(kind, target)
    must_get(kind, id, state)
    must_get(target, target_id, state)
    joined(bond, id, target_id, state)
    results = [_pair(bond.type_id, id, target_id), _pair(bond.inverse, target_id, id)]
    return json_answer(200, _batch(results, now))


def put_labelled(kind: Kind, id: str, target: Kind, target_id: str, call: Call, state: State) -> Answer:
    """`PUT …/associations/{type}/{id}` with the association types in the body: 201."""
    types = decoded(call)
    if not isinstance(types, list) or not types:
        raise fields_missing(["types"])
    must_get(kind, id, state)
    must_get(target, target_id, state)
    bonds = wanted_bonds(kind, [{"to": {"id": target_id}, "types": types}], state)
    if any(bond.target != target.name for bond, _ in bonds):
        raise Refusal(400, f"invalid to object type {target.type_id} for associations to be created.")
    for bond, _ in bonds:
        joined(bond, id, target_id, state)
    entity = {
        "fromObjectTypeId": kind.type_id,
        "fromObjectId": int(id),
        "toObjectTypeId": target.type_id,
        "toObjectId": int(target_id),
        "labels": [bond.label for bond, _ in bonds if bond.label],
    }
    return json_answer(201, entity)


def remove(kind: Kind, id: str, target: Kind, target_id: str, state: State) -> Answer:
    """`DELETE …/associations/{type}/{id}`: 204, also without an association."""
    for bond in BONDS:
        if (bond.source, bond.target) == (kind.name, target.name):
            state.delete(_ASSOCIATIONS, f"{bond.type_id}:{id}:{target_id}")
            state.delete(_ASSOCIATIONS, f"{bond.inverse}:{target_id}:{id}")
    return Answer(status=204)


def listed_v4(kind: Kind, id: str, target: Kind, state: State) -> Answer:
    """`GET /crm/v4/…/associations/{type}`: ids are numbers here, unlike everywhere else."""
    must_get(kind, id, state)
    return json_answer(200, {"results": _ends(kind, id, target, state)})


def listed_v3(kind: Kind, id: str, target: Kind, state: State) -> Answer:
    """`GET /crm/v3/…/associations/{type}`."""
    must_get(kind, id, state)
    return json_answer(
        200, {"results": [{"id": one, "type": bond.name} for one, bond in associated(kind, id, target, state)]}
    )


def labels(kind: Kind, target: Kind) -> Answer:
    """`GET /crm/v4/associations/{from}/{to}/labels`: the types of association in this direction."""
    bonds = [bond for bond in BONDS if (bond.source, bond.target) == (kind.name, target.name)]
    results = [{"category": "HUBSPOT_DEFINED", "typeId": bond.type_id, "label": bond.label} for bond in bonds]
    return json_answer(200, {"results": results})


def batch_read(kind: Kind, target: Kind, call: Call, state: State, now: float) -> Answer:
    """`POST /crm/v4/associations/{from}/{to}/batch/read`: 207 if a record has none."""
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for one in inputs_of(body_of(call)):
        id = str(one.get("id"))
        ends = _ends(kind, id, target, state)
        if ends:
            results.append({"from": {"id": id}, "to": ends})
        else:
            errors.append(_none_found(kind, id, target))
    answer = _batch(results, now)
    if not errors:
        return json_answer(200, answer)
    return json_answer(207, {**answer, "numErrors": len(errors), "errors": errors})


def _none_found(kind: Kind, id: str, target: Kind) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {target.singular} is associated with {kind.singular} {id}.",
        "context": {"fromObjectId": [id], "fromObjectType": [kind.singular], "toObjectType": [target.singular]},
    }


def _ends(kind: Kind, id: str, target: Kind, state: State) -> list[dict[str, Any]]:
    ends: dict[str, list[dict[str, Any]]] = {}
    for one, bond in associated(kind, id, target, state):
        entry = {"category": "HUBSPOT_DEFINED", "typeId": bond.type_id, "label": bond.label}
        ends.setdefault(one, []).append(entry)
    return [{"toObjectId": int(one), "associationTypes": types} for one, types in ends.items()]


def _bond(kind: Kind, type_id: int) -> Bond:
    bond = BOND_BY_ID.get(type_id)
    if bond is None:
        raise Refusal(
            400, "One or more associations are not valid", context={"INVALID_ASSOCIATION_TYPES": [str(type_id)]}
        )
    if bond.source != kind.name:
        expected = kind_of(bond.source).type_id
        raise Refusal(
            400, f"invalid from object type {kind.type_id} for associations to be created. expected: {expected}"
        )
    return bond


def _ensure_there(kind: Kind, id: str, state: State) -> None:
    if not _is_there(kind, id, state):
        raise Refusal(
            400,
            "One or more associations are not valid",
            errors=[{"message": f"{kind.label}={id} is not valid", "in": "toObjectId", "code": "INVALID_OBJECT_IDS"}],
            context={"INVALID_OBJECT_IDS": [f"{kind.label}={id}"]},
        )


def _is_there(kind: Kind, id: str, state: State) -> bool:
    record = state.get(kind.name, id)
    return record is not None and not record["archived"]


def _pair(type_id: int, source: str, target: str) -> dict[str, Any]:
    return {
        "from": {"id": source},
        "to": {"id": target},
        "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id},
    }


def _batch(results: list[dict[str, Any]], now: float) -> dict[str, Any]:
    at = instant_at(now)
    return {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
