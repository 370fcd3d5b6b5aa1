"""Owners and pipelines of an account: `/crm/v3/owners` and `/crm/v3/pipelines/{type}`."""

from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.hubspot.errors import PORTAL_ID, Refusal
from emulators.hubspot.kinds import Kind
from emulators.hubspot.objects import wants_archived
from emulators.hubspot.seed import OWNERS, PIPELINES_OF
from emulators.state import State


def owners(call: Call, state: State) -> Answer:
    """200 with the owners, filtered by e-mail if the query has one."""
    email, archived = call.param("email"), wants_archived(call)
    results = state.find(
        OWNERS, lambda one: one["archived"] == archived and (email is None or one["email"] == email.lower())
    )
    return json_answer(200, {"results": results})


def owner(id: str, call: Call, state: State) -> Answer:
    """200 with one owner by its id, or by its user's id with `idProperty=userId`."""
    if call.param("idProperty") == "userId":
        match = next(iter(state.find(OWNERS, lambda one: str(one["userId"]) == id)), None)
    else:
        match = state.get(OWNERS, id)
    if match is None:
        raise _not_here()
    return json_answer(200, match)


def pipelines(kind: Kind, state: State) -> Answer:
    """200 with the pipelines and their stages. Only tickets and orders have pipelines."""
    where = PIPELINES_OF.get(kind.name)
    return json_answer(200, {"results": [] if where is None else state.all(where)})


def pipeline(kind: Kind, id: str, state: State) -> Answer:
    """200 with one pipeline."""
    return json_answer(200, _pipeline(kind, id, state))


def stages(kind: Kind, id: str, state: State) -> Answer:
    """200 with the stages of one pipeline."""
    return json_answer(200, {"results": _pipeline(kind, id, state)["stages"]})


def details() -> Answer:
    """200 with the account of the token."""
    return json_answer(
        200,
        {
            "portalId": PORTAL_ID,
            "accountType": "DEVELOPER_TEST",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+01:00",
            "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "eu1",
        },
    )


def _pipeline(kind: Kind, id: str, state: State) -> dict[str, Any]:
    where = PIPELINES_OF.get(kind.name)
    pipeline = None if where is None else state.get(where, id)
    if pipeline is None:
        raise _not_here()
    return pipeline


def _not_here() -> Refusal:
    return Refusal(404, "resource not found", category="OBJECT_NOT_FOUND")
