"""The emulator of HubSpot's CRM API v3 (and the associations of v4): authorisation, limits, routes."""

import time
import uuid
from typing import Any

from emulators.http import Answer, Call, html_answer
from emulators.hubspot import accounts, associations, batch, drift, errors, objects, properties, search, webhooks
from emulators.hubspot.definitions import define
from emulators.hubspot.errors import CORRELATION_HEADER, NO_CREDENTIALS, Refusal, over_the_limit
from emulators.hubspot.kinds import KINDS, kind_of
from emulators.hubspot.records import placed
from emulators.hubspot.seed import ORDER_PIPELINES, OWNERS, PIPELINES, ensure_seeded, keep_definition, owner, pipeline
from emulators.state import Allowance, State
from emulators.tokens import TokenRules, Tokens

DEV_TOKEN = "hubspot-dev-token"  # noqa: S105 - the emulator's own, it opens nothing else
WINDOW_MILLISECONDS = 60_000
TOKENS = Tokens(
    TokenRules(
        vendor="hubspot",
        authorize_path="/oauth/authorize",
        token_path="/oauth/v3/token",  # noqa: S106 - a path
        old="kept",
        seconds=1800,
        more={"hub_id": errors.PORTAL_ID},
    )
)


class HubSpot:
    """CRM records of all kinds with their properties, pipelines, owners and associations."""

    name = "hubspot"
    objects = (
        *(kind.name for kind in KINDS),
        OWNERS,
        PIPELINES,
        ORDER_PIPELINES,
        *(kind.definitions for kind in KINDS),
    )
    webhook_rules = webhooks.RULES
    tokens = TOKENS
    drift = staticmethod(drift.bent)
    signed = staticmethod(webhooks.signed)
    webhooks = staticmethod(webhooks.messages)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call. Every answer has a correlation id; an unknown route gets an HTML page."""
        issued = TOKENS.answer(call, state, now)
        if issued is not None:
            return issued
        correlation_id = str(uuid.uuid4())
        segments = [segment for segment in call.path.split("/") if segment]
        limits: dict[str, str] = {}
        try:
            _ensure_authorised(call, state, now)
            ensure_seeded(state)
            if segments[-1:] == ["search"]:
                search.spend_search(state, now)
            else:
                allowance = state.spend(now)
                limits = _limit_headers(allowance)
                if not allowance.allowed:
                    raise over_the_limit("TEN_SECONDLY_ROLLING")
            answer = _routed(segments, call, state, now)
        except Refusal as refusal:
            answer = refusal.answer(correlation_id)
        return answer.with_headers({CORRELATION_HEADER: correlation_id, **limits})

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a record, an owner, a pipeline or a property definition unchanged."""
        ensure_seeded(state)
        for kind in KINDS:
            if object == kind.name:
                return placed(kind, payload, state, time.time())
            if object == kind.definitions:
                name = str(payload["name"])
                definition = define(name, name, "string", "text", group="custom", by_hubspot=False) | payload
                keep_definition(kind, definition, state)
                return definition
        number = state.next_id(object, 90_000_001)
        empty = owner(str(number), number, "", "", "") if object == OWNERS else pipeline(str(number), "", 9, [])
        record = empty | payload
        state.put(object, record["id"], record)
        return record

    def failure(self, status: int) -> Answer:
        """Return HubSpot's body for a failure without details."""
        return errors.failure(status).answer(str(uuid.uuid4()))


def _ensure_authorised(call: Call, state: State, now: float) -> None:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip() == DEV_TOKEN:
        return
    if not TOKENS.accepts(call, state, now):
        raise Refusal(401, NO_CREDENTIALS, category="INVALID_AUTHENTICATION")


def _limit_headers(allowance: Allowance) -> dict[str, str]:
    """Return the headers of the limit. HubSpot's window is 10 s; this emulator counts and reports a minute."""
    return {
        "x-hubspot-ratelimit-interval-milliseconds": str(WINDOW_MILLISECONDS),
        "x-hubspot-ratelimit-max": str(allowance.limit),
        "x-hubspot-ratelimit-remaining": str(allowance.remaining),
    }


def _routed(segments: list[str], call: Call, state: State, now: float) -> Answer:
    match segments:
        case ["crm", "v3", "objects", spelling, *rest]:
            return _objects(spelling, rest, call, state, now)
        case ["crm", "v3", "properties", spelling, *rest]:
            return _properties(spelling, rest, call, state, now)
        case ["crm", "v3", "pipelines", spelling, *rest] if call.method == "GET":
            return _pipelines(spelling, rest, state)
        case ["account-info", "v3", "details"] if call.method == "GET":
            return accounts.details()
        case ["crm", "v3", "owners"] if call.method == "GET":
            return accounts.owners(call, state)
        case ["crm", "v3", "owners", id] if call.method == "GET":
            return accounts.owner(id, call, state)
        case ["crm", "v4", "objects", spelling, id, "associations", *rest]:
            return _associations(spelling, id, rest, call, state, now)
        case ["crm", "v4", "associations", source, target, "batch", "read"] if call.method == "POST":
            return associations.batch_read(kind_of(source), kind_of(target), call, state, now)
        case ["crm", "v4", "associations", source, target, "labels"] if call.method == "GET":
            return associations.labels(kind_of(source), kind_of(target))
    return html_answer(404)


def _objects(spelling: str, rest: list[str], call: Call, state: State, now: float) -> Answer:
    kind = kind_of(spelling)
    match call.method, rest:
        case "GET", []:
            return objects.page(kind, call, state)
        case "POST", []:
            return objects.create(kind, call, state, now)
        case "POST", ["search"]:
            return search.search(kind, call, state, now)
        case "POST", ["merge"]:
            return objects.merge(kind, call, state, now)
        case "POST", ["batch", "create"]:
            return batch.create(kind, call, state, now)
        case "POST", ["batch", "read"]:
            return batch.read(kind, call, state, now)
        case "POST", ["batch", "update"]:
            return batch.update(kind, call, state, now)
        case "POST", ["batch", "upsert"]:
            return batch.upsert(kind, call, state, now)
        case "POST", ["batch", "archive"]:
            return batch.archive(kind, call, state, now)
        case "GET", [id]:
            return objects.read(kind, id, call, state)
        case "PATCH", [id]:
            return objects.update(kind, id, call, state, now)
        case "DELETE", [id]:
            return objects.archive(kind, id, state, now)
        case "GET", [id, "associations", target]:
            return associations.listed_v3(kind, id, kind_of(target), state)
    return html_answer(405 if len(rest) < 2 else 404)


def _properties(spelling: str, rest: list[str], call: Call, state: State, now: float) -> Answer:
    kind = kind_of(spelling)
    match call.method, rest:
        case "GET", []:
            return properties.listed(kind, call, state)
        case "POST", []:
            return properties.create(kind, call, state, now)
        case "POST", ["batch", "read"]:
            return properties.read_many(kind, call, state)
        case "POST", ["batch", "create"]:
            return properties.create_many(kind, call, state, now)
        case "GET", [name]:
            return properties.read(kind, name, state)
    return html_answer(405 if len(rest) < 2 else 404)


def _pipelines(spelling: str, rest: list[str], state: State) -> Answer:
    kind = kind_of(spelling)
    match rest:
        case []:
            return accounts.pipelines(kind, state)
        case [id]:
            return accounts.pipeline(kind, id, state)
        case [id, "stages"]:
            return accounts.stages(kind, id, state)
    return html_answer(404)


def _associations(spelling: str, id: str, rest: list[str], call: Call, state: State, now: float) -> Answer:
    kind = kind_of(spelling)
    match call.method, rest:
        case "GET", [target]:
            return associations.listed_v4(kind, id, kind_of(target), state)
        case "PUT", ["default", target, target_id]:
            return associations.put_default(kind, id, kind_of(target), target_id, state, now)
        case "PUT", [target, target_id]:
            return associations.put_labelled(kind, id, kind_of(target), target_id, call, state)
        case "DELETE", [target, target_id]:
            return associations.remove(kind, id, kind_of(target), target_id, state)
    return html_answer(404)
