"""Faults: their kind, the calls or webhooks that they affect, and how often. They are stored, so a restart keeps
them."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import msgspec

from emulators.http import Answer, Call, html_answer, json_answer
from emulators.store import Store
from emulators.vendor import DriftKind, Emulator, KnowsFailures

CallFaultKind = Literal[
    "status", "slow", "timeout", "reset", "timeout_after_commit", "html_body", "drift", "loose_match"
]
TokenFaultKind = Literal["refresh_reply_lost", "token_revoked", "clock_skew"]
WebhookFaultKind = Literal[
    "duplicate_webhook", "reorder_webhooks", "drop_webhook", "late_webhook", "bad_signature", "old_secret"
]
FaultKind = CallFaultKind | TokenFaultKind | WebhookFaultKind
WEBHOOK_FAULTS: frozenset[str] = frozenset(get_args(WebhookFaultKind))
TOKEN_FAULTS: frozenset[str] = frozenset(get_args(TokenFaultKind))

HELD_MS = 60_000
SLOW_MS = 1_000
LATE_MS = 3_000
SKEW_MS = 300_000
COPIES = 2
MOST_COPIES = 1_000


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calls or webhooks that a fault affects. An absent member matches all. `path` is a call's path below
    `/<vendor>`, or a webhook's topic: exact, a glob (`contact.*`), or a prefix if it ends with a slash (`orders/`)."""

    method: str | None = None
    path: str | None = None

    def fits(self, call: Call) -> bool:
        """Return whether the fault is for this call."""
        if self.method is not None and self.method.upper() != call.method:
            return False
        return self._takes(call.path)

    def fits_webhook(self, topics: Iterable[str]) -> bool:
        """Return whether the fault is for a webhook with one of the topics."""
        return any(self._takes(topic) for topic in topics)

    def _takes(self, path: str) -> bool:
        if self.path is None or (self.path.endswith("/") and path.startswith(self.path)):
            return True
        return path == self.path or fnmatchcase(path, self.path)


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault. `retry_after` is in seconds. `delay_ms` and `status` have a default for each `kind`. `times_sent` is
    the number of copies of a duplicated webhook, which leave together. `record` is the id of the only record of a list
    that a drift changes. A loose match reads the text `asked` in a call as `finds`, like a vendor that matches parts of
    texts or folds more than case. Without `finds`, it reads it as the end of any key."""

    kind: FaultKind
    status: int | None = None
    delay_ms: int | None = None
    retry_after: float | None = None
    times_sent: int | None = None
    change: DriftKind = "field"
    record: str | None = None
    asked: str | None = None
    finds: str | None = None

    @property
    def delay(self) -> float:
        """Seconds to wait: before a slow answer or a late webhook, or before a held connection is dropped. For a clock,
        the seconds by which it runs ahead."""
        default = {"slow": SLOW_MS, "late_webhook": LATE_MS, "clock_skew": SKEW_MS}.get(self.kind, HELD_MS)
        return (default if self.delay_ms is None else self.delay_ms) / 1000

    @property
    def copies(self) -> int:
        """The number of copies of a webhook that leave together."""
        if self.kind != "duplicate_webhook":
            return 1
        return COPIES if self.times_sent is None else self.times_sent

    @property
    def is_of_webhooks(self) -> bool:
        """Return whether the fault affects webhooks, not calls."""
        return self.kind in WEBHOOK_FAULTS

    @property
    def has_effect(self) -> bool:
        """Return whether the vendor carries out the call before the fault."""
        return self.kind in ("slow", "timeout_after_commit", "drift", "loose_match", *TOKEN_FAULTS)

    def is_about(self, call: Call) -> bool:
        """Return whether the call contains the text of a loose match. True for any other fault."""
        if self.kind != "loose_match":
            return True
        return self.says(call, self.asked or "")

    @staticmethod
    def says(call: Call, text: str) -> bool:
        """Return whether a text is in the path, the query or the body of a call."""
        return text in call.path or any(text in value for _, value in call.query) or text.encode() in call.body

    def misread(self, call: Call) -> Call:
        """Return the call as a vendor that matches loosely reads it."""
        wanted, finds = self.asked or "", self.finds or self.asked or ""
        return msgspec.structs.replace(
            call,
            path=call.path.replace(wanted, finds),
            query=tuple((name, value.replace(wanted, finds)) for name, value in call.query),
            body=call.body.replace(wanted.encode(), finds.encode()),
        )


def bend_only(record: str, before: Any, after: Any) -> Any:
    """Return `after` for the items of lists that have this id, also at the end of a global id; `before` for all
    others."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {name: bend_only(record, value, after.get(name)) for name, value in before.items()}
    if isinstance(before, list) and isinstance(after, list):
        return [new if _has_id(record, old) else old for old, new in zip(before, after, strict=True)]
    return before


def _has_id(record: str, item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    ids = [value for name, value in item.items() if name.lower() == "id"]
    return any(str(one).rpartition("/")[2] == record for one in ids) or _has_id(record, item.get("node"))


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault as ordered: for the next `times` matching calls, for a `rate` (0 to 1) of them, or for all without
    either. The same `seed` hits the same calls again. A `rate` without a seed gets a random one, which the answer
    reports."""

    vendor: str
    fault: Fault
    match: Match = Match()
    times: int | None = None
    rate: float | None = None
    seed: int | None = None

    def flaw(self) -> str | None:
        """Return a sentence about a mistake in the plan, or None."""
        if self.times is not None and self.rate is not None:
            return "A fault takes times or rate, not both."
        if self.times is not None and self.times < 1:
            return "times is at least 1."
        if self.rate is not None and not 0 <= self.rate <= 1:
            return "rate is between 0 and 1."
        if self.fault.status is not None and not 200 <= self.fault.status <= 599:
            return "status is between 200 and 599."
        if self.fault.kind == "status" and self.fault.status is None:
            return "A fault of kind status needs a status."
        if self.fault.kind == "loose_match" and not self.fault.asked:
            return "A fault of kind loose_match needs asked."
        if self.fault.delay_ms is not None and self.fault.delay_ms < 0:
            return "delay_ms is not negative."
        if self.fault.is_of_webhooks and (self.match.method or "POST").upper() != "POST":
            return "Every webhook is a POST."
        if self.fault.times_sent is not None and not 2 <= self.fault.times_sent <= MOST_COPIES:
            return f"times_sent is between 2 and {MOST_COPIES}."
        return None


class ActiveFault(msgspec.Struct, kw_only=True):
    """A plan in force: how many times are `left` (None without a number), and how many draws its rate has made."""

    plan: Plan
    id: int = 0
    left: int | None = None
    draws: int = 0


class Faults:
    """The plans in force, oldest first. The first that matches a call and fires applies."""

    def __init__(self, store: Store) -> None:
        """Load the stored plans."""
        self._store = store
        self._active: list[ActiveFault] = []
        self._dice: dict[int, random.Random] = {}
        self._ended: dict[str, asyncio.Event] = {}
        for id, body in store.sql.execute("SELECT id, body FROM fault ORDER BY id"):
            active = msgspec.json.decode(body, type=ActiveFault)
            active.id = int(id)
            self._active.append(active)

    def add(self, plan: Plan) -> ActiveFault:
        """Add a plan after those in force."""
        if plan.rate is not None and plan.seed is None:
            plan = msgspec.structs.replace(plan, seed=random.randrange(2**31))  # noqa: S311 - dice, no secret
        active = ActiveFault(plan=plan, left=plan.times)
        row = self._store.sql.execute(
            "INSERT INTO fault (vendor, body) VALUES (?, ?)", (plan.vendor, msgspec.json.encode(active))
        )
        active.id = int(row.lastrowid or 0)
        self._active.append(active)
        return active

    def active(self, vendor: str | None = None) -> list[ActiveFault]:
        """Return the plans in force, of one vendor or of all. A used-up plan is not among them."""
        return [one for one in self._active if vendor is None or one.plan.vendor == vendor]

    def drop(self, vendor: str | None = None) -> int:
        """End plans, and let go the calls that they hold. Return how many there were."""
        gone = self.active(vendor)
        for name in list(self._ended):
            if vendor in (None, name):
                self._ended.pop(name).set()
        self._store.sql.execute("DELETE FROM fault WHERE ?1 IS NULL OR vendor = ?1", (vendor,))
        self._active = [one for one in self._active if one not in gone]
        return len(gone)

    def ended(self, vendor: str) -> Coroutine[Any, Any, Any]:
        """Return a wait for the next end of plans of this vendor."""
        return self._ended.setdefault(vendor, asyncio.Event()).wait()

    def strike(self, vendor: str, call: Call) -> Fault | None:
        """Return the fault for this call and count it as used; None without a fault."""
        return self._struck(
            vendor, lambda plan: not plan.fault.is_of_webhooks and plan.match.fits(call) and plan.fault.is_about(call)
        )

    def strike_webhook(self, vendor: str, topics: Iterable[str]) -> Fault | None:
        """Return the fault for a webhook with these topics and count it as used; None without a fault."""
        webhook_topics = tuple(topics)
        return self._struck(vendor, lambda plan: plan.fault.is_of_webhooks and plan.match.fits_webhook(webhook_topics))

    def _struck(self, vendor: str, fits: Callable[[Plan], bool]) -> Fault | None:
        for active in self._active:
            if active.plan.vendor == vendor and fits(active.plan) and self._fires(active):
                return active.plan.fault
        return None

    def _fires(self, active: ActiveFault) -> bool:
        rate = active.plan.rate
        if rate is not None:
            fires = self._dice_of(active).random() < rate
            active.draws += 1
            self._keep(active)
            return fires
        if active.left is None:
            return True
        active.left -= 1
        self._keep(active)
        return True

    def _keep(self, active: ActiveFault) -> None:
        if active.left == 0:
            self._store.sql.execute("DELETE FROM fault WHERE id = ?", (active.id,))
            self._active = [one for one in self._active if one is not active]
            return

        self._store.sql.execute("UPDATE fault SET body = ? WHERE id = ?", (msgspec.json.encode(active), active.id))

    def _dice_of(self, active: ActiveFault) -> random.Random:
        dice = self._dice.get(active.id)
        if dice is None:
            dice = self._dice[active.id] = random.Random(active.plan.seed)  # noqa: S311 - dice, no secret
            for _ in range(active.draws):
                dice.random()
        return dice


def refusal(fault: Fault, emulator: Emulator) -> Answer:
    """Return the answer of a `status` or `html_body` fault, in the vendor's own format if it is known."""
    answer = _worded(fault, emulator)
    if fault.retry_after is None:
        return answer
    return answer.with_headers({"retry-after": f"{fault.retry_after:g}"})


def _worded(fault: Fault, emulator: Emulator) -> Answer:
    status = fault.status or 502
    if fault.kind == "html_body":
        return html_answer(status)
    if isinstance(emulator, KnowsFailures):
        return emulator.failure(status)
    return json_answer(status, {"error": f"status {status}"})
