"""The control interface under `/_emulator`: order faults, read calls, place and count records, set limits, webhooks."""

from collections.abc import Mapping
from typing import Any

import msgspec

from emulators.calls import Calls
from emulators.control_calls import Refused, limit_of, order_of, vendor_of
from emulators.faults import TOKEN_FAULTS, ActiveFault, Faults, Match, Plan
from emulators.http import Answer, Call, json_answer
from emulators.state import State
from emulators.store import Store
from emulators.targets import Targets
from emulators.tokens import issued_tokens
from emulators.vendor import Emulator, IssuesTokens
from emulators.webhook_control import WebhookControl

PREFIX = "/_emulator"


class Placement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record to place unchanged, without the vendor's validation."""

    vendor: str
    object: str
    record: dict[str, Any]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vendor's rate limit (calls a minute), the delay of its search and the life of new access tokens (both in
    seconds), and the most results of a HubSpot search. An absent member stays."""

    vendor: str
    per_minute: int | None = None
    search_lag: float | None = None
    token_seconds: float | None = None
    search_cap: int | None = None


class Whom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor, or all if it is absent."""

    vendor: str | None = None


class Control:
    """Answers `/_emulator/…`. No fault affects it, and its calls are not recorded."""

    def __init__(
        self,
        emulators: Mapping[str, Emulator],
        states: Mapping[str, State],
        store: Store,
        faults: Faults,
        calls: Calls,
        targets: Targets,
        webhooks: WebhookControl,
    ) -> None:
        """Control these emulators and their state."""
        self._emulators = emulators
        self._states = states
        self._store = store
        self._faults = faults
        self._calls = calls
        self._targets = targets
        self._routes = {
            ("GET", "/health"): self._health,
            ("GET", "/faults"): self._list_faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._drop_faults,
            ("GET", "/calls"): self._list_calls,
            ("GET", "/records"): self._list_records,
            ("GET", "/tokens"): self._list_tokens,
            ("POST", "/records"): self._place_record,
            ("POST", "/limits"): self._set_limits,
            ("POST", "/reset"): self._reset,
            ("PUT", "/webhooks"): webhooks.put,
            ("GET", "/webhooks"): webhooks.show,
            ("DELETE", "/webhooks"): webhooks.drop,
            ("GET", "/webhooks/sent"): webhooks.sent,
        }

    def answer(self, call: Call) -> Answer:
        """Answer one control call. Its path is the one below `/_emulator`."""
        route = self._routes.get((call.method, call.path))
        if route is None and call.path in {path for _, path in self._routes}:
            return json_answer(405, {"error": f"{call.method} is not possible here."})
        if route is None:
            return json_answer(404, {"error": f"There is no {PREFIX}{call.path}."})
        try:
            return route(call)
        except Refused as refused:
            return json_answer(400, {"error": str(refused)})

    def _health(self, call: Call) -> Answer:
        return json_answer(200, {"status": "ok", "vendors": sorted(self._emulators)})

    def _list_faults(self, call: Call) -> Answer:
        return json_answer(200, [_rendered(one) for one in self._faults.active(self._vendor_of(call))])

    def _add_fault(self, call: Call) -> Answer:
        plan = order_of(call, Plan)
        self._known(plan.vendor)
        flaw = plan.flaw()
        if flaw is not None:
            raise Refused(flaw)
        if plan.fault.kind == "old_secret" and not self._has_old_secret(plan.vendor):
            raise Refused(f"The webhooks of {plan.vendor} have no old_secret: PUT {PREFIX}/webhooks with one first.")
        return json_answer(201, _rendered(self._faults.add(self._of_tokens(plan))))

    def _of_tokens(self, plan: Plan) -> Plan:
        """Return the plan; a fault of tokens applies to the token endpoint unless the plan names a path."""
        if plan.fault.kind not in TOKEN_FAULTS:
            return plan
        emulator = self._emulators[plan.vendor]
        if not isinstance(emulator, IssuesTokens):
            raise Refused(f"{plan.vendor} issues no tokens.")
        if plan.match != Match() or plan.fault.kind == "token_revoked":
            return plan
        match = Match(method="POST", path=emulator.tokens.rules.token_path)
        return msgspec.structs.replace(plan, match=match)

    def _has_old_secret(self, vendor: str) -> bool:
        target = self._targets.get(vendor)
        return target is not None and target.old_secret is not None

    def _drop_faults(self, call: Call) -> Answer:
        return json_answer(200, {"dropped": self._faults.drop(self._vendor_of(call))})

    def _list_calls(self, call: Call) -> Answer:
        return json_answer(200, self._calls.list(self._vendor_of(call), limit_of(call)))

    def _list_records(self, call: Call) -> Answer:
        vendor = self._known(call.param("vendor"))
        records = self._states[vendor].all(self._object_of(vendor, call.param("object")))
        return json_answer(200, {"count": len(records), "records": records})

    def _list_tokens(self, call: Call) -> Answer:
        vendor = self._known(call.param("vendor"))
        return json_answer(200, issued_tokens(self._states[vendor]))

    def _place_record(self, call: Call) -> Answer:
        placement = order_of(call, Placement)
        vendor = self._known(placement.vendor)
        object = self._object_of(vendor, placement.object)
        with self._store.transaction():
            record = self._emulators[vendor].put_record(object, placement.record, self._states[vendor])
        return json_answer(201, record)

    def _set_limits(self, call: Call) -> Answer:
        limits = order_of(call, Limits)
        state = self._states[self._known(limits.vendor)]
        changed = {name: value for name, value in msgspec.structs.asdict(limits).items() if value is not None}
        del changed["vendor"]
        if not changed:
            raise Refused("Give per_minute, search_lag, token_seconds or search_cap.")
        if min(changed.values()) < 0:
            raise Refused("A limit is not negative.")
        for name, value in changed.items():
            state.set(name, value)
        if limits.per_minute is not None:
            state.forget_spending()
        return json_answer(200, limits)

    def _reset(self, call: Call) -> Answer:
        vendor = order_of(call, Whom).vendor if call.body else self._vendor_of(call)
        if vendor is not None:
            self._known(vendor)
        self._store.forget(vendor)
        self._faults.drop(vendor)
        for name, state in self._states.items():
            if vendor in (None, name):
                state.forget_spending()
        return json_answer(200, {"reset": vendor or "all"})

    def _vendor_of(self, call: Call) -> str | None:
        vendor = call.param("vendor")
        return None if vendor is None else self._known(vendor)

    def _known(self, vendor: str | None) -> str:
        return vendor_of(self._emulators, vendor)

    def _object_of(self, vendor: str, object: str | None) -> str:
        objects = self._emulators[vendor].objects
        if object not in objects:
            raise Refused(f"{vendor} has no object {object}; it has {', '.join(objects)}.")
        return object


def _rendered(active: ActiveFault) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.to_builtins(active.plan)
    members = {"id": active.id, **plan}
    if active.left is not None:
        members["left"] = active.left
    return members
