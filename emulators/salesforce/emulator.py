"""The Salesforce emulator: authorisation, limits, routing. It sends no webhooks, because Salesforce has none for an
ordinary HTTP receiver."""

import re
import uuid
from typing import Any

from emulators.http import Answer, BadJson, Call, json_answer
from emulators.salesforce import composite, queries, sobject_calls
from emulators.salesforce.drift import bent
from emulators.salesforce.errors import Refusal, failure, not_found, over_the_limit, unauthorised, unreadable
from emulators.salesforce.ids import new_id
from emulators.salesforce.org import FIELDS, Org
from emulators.salesforce.saving import VALIDATION
from emulators.salesforce.schema import SOBJECTS
from emulators.salesforce.seed import furnish
from emulators.state import Allowance, State
from emulators.tokens import TokenRules, Tokens

NAME = "salesforce"
TOKEN = "salesforce-dev-token"  # noqa: S105 - an emulator's credential opens nothing
DAILY = 15_000
TOKENS = Tokens(
    TokenRules(
        vendor=NAME,
        authorize_path="/services/oauth2/authorize",
        token_path="/services/oauth2/token",  # noqa: S106 - a path
        old="kept",
        seconds=7200,
        says_lifetime=False,
        repeats_refresh_token=False,
        own_scopes=("api",),
        more={"instance_url": "https://loop-and-hook.my.salesforce.com"},
    )
)
PATH = re.compile(r"/services/data/(v\d{2}\.0)(?:/(.*))?", re.DOTALL)


class Salesforce:
    """One org. `_answered` lists its calls."""

    name = NAME
    objects = (*SOBJECTS, FIELDS, VALIDATION)
    tokens = TOKENS
    drift = staticmethod(bent)
    failure = staticmethod(failure)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call. Every authorised reply reports how many of the day's requests are used."""
        issued = TOKENS.answer(call, state, now)
        if issued is not None:
            return issued
        request_id = {"x-sfdc-request-id": uuid.uuid4().hex}
        if call.headers.get("authorization") != f"Bearer {TOKEN}" and not TOKENS.accepts(call, state, now):
            return unauthorised().answer.with_headers(request_id)
        allowance = state.spend(now)
        headers = request_id | {"sforce-limit-info": _limit_info(allowance)}
        if not allowance.allowed:
            return over_the_limit().answer.with_headers(headers)
        furnish(Org(state, now))
        return _handled(call, state, now).with_headers(headers)

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a record unchanged, or an administrator's own field or validation rule."""
        org = Org(state, state.clock())
        furnish(org)
        if object in (FIELDS, VALIDATION):
            id = f"{payload['sobject']}.{payload.get('name') or payload.get('field')}"
            state.put(object, id, payload | {"id": id}, {"sobject": str(payload["sobject"])})
            return payload | {"id": id}
        sobject = org.sobject(object)
        record = org.blank(sobject, str(payload.get("Id") or new_id(sobject.prefix, state))) | payload
        org.keep(sobject, record)
        return record


def _handled(call: Call, state: State, now: float) -> Answer:
    """Return the handler's answer. A refused call writes nothing."""
    match = PATH.fullmatch(call.path.removesuffix("/"))
    if match is None:
        return not_found().answer
    try:
        with state.savepoint():
            return _answered(Org(state, now, match[1]), call)
    except Refusal as refusal:
        return refusal.answer
    except BadJson:
        return unreadable().answer


def _answered(org: Org, call: Call) -> Answer:
    match = PATH.fullmatch(call.path.removesuffix("/"))
    segments = [] if match is None or not match[2] else match[2].split("/")
    answer = _of_org(org, call, segments)
    if answer is None and segments[:1] == ["sobjects"] and len(segments) > 1:
        answer = _of_sobject(org, call, segments[1], segments[2:])
    if answer is None:
        raise not_found()
    return answer


def _of_org(org: Org, call: Call, segments: list[str]) -> Answer | None:
    match (call.method, segments):
        case ("GET", ["sobjects"]):
            return sobject_calls.list_sobjects(org)
        case ("GET", ["query" | "queryAll" as verb]):
            return queries.query(org, call, deleted_too=verb == "queryAll")
        case ("GET", ["query" | "queryAll", locator]):
            return queries.follow(org, call, locator)
        case ("POST", ["composite"]):
            return composite.composite(org, call, _answered)
        case ("POST", ["composite", "sobjects"]):
            return composite.create_many(org, call)
        case ("GET", ["limits"]):
            return json_answer(200, {"DailyApiRequests": {"Max": DAILY, "Remaining": DAILY}})
        case ("GET", ["connect", "organization"]):
            features = {"defaultCurrencyIsoCode": "EUR", "multiCurrency": False}
            return json_answer(200, {"name": "Loop & Hook", "orgId": "00DdM00000Loop1UAC", "features": features})
    return None


def _of_sobject(org: Org, call: Call, name: str, rest: list[str]) -> Answer | None:
    match (call.method, rest):
        case ("GET", ["describe"]):
            return sobject_calls.describe(org, name)
        case ("POST", []):
            return sobject_calls.create(org, call, name)
        case ("GET", [id]):
            return sobject_calls.show(org, call, name, id)
        case ("PATCH", [id]):
            return sobject_calls.update(org, call, name, id)
        case ("DELETE", [id]):
            return sobject_calls.remove(org, name, id)
        case ("GET", [key, *value]):
            return sobject_calls.show(org, call, name, key, "/".join(value))
        case ("PATCH", [key, *value]):
            return sobject_calls.upsert(org, call, name, key, "/".join(value))
    return None


def _limit_info(allowance: Allowance) -> str:
    return f"api-usage={allowance.limit - allowance.remaining}/{allowance.limit}"
