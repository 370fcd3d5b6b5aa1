"""Runs: what failed, and why. Run: what happened in one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, Literal, get_args
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from app.console.pages import NextPage, View, Visit, page
from app.errors import InvalidField
from app.http.deps import HttpDeps
from app.monitoring.deps import MonitoringDeps
from app.monitoring.failures import find_run, list_failures, why_failed
from app.monitoring.models import LOOKED_AT, Failure, FailureFilter, FailurePosition, FailureState
from app.monitoring.runs import RunStep, lines_of, read_whole_run
from app.vendors.connections import OBJECTS
from app.vendors.deps import VendorDeps

RUNS: Final = "/console/runs"
RUN: Final = "/console/run"
ON_A_PAGE: Final = 50
STEPS: Final = 500
LIVE: Final = timedelta(minutes=10)
"""A run is followed for so long after its last step."""
FILTERS: Final = ("state", "connection", "object", "key")
STATES: Final[tuple[str, ...]] = get_args(FailureState)
Meaning = Literal["bad", "waiting", "plain"]


class ShownStep(Struct, frozen=True, kw_only=True):
    """A step with its meaning, its duration in seconds if it has one, and a bar in percent of the longest. `effects`
    are the webhooks that echo it, each with its time and run; `cause` is the run that caused it; `why` it failed."""

    number: int
    step: RunStep
    meaning: Meaning
    seconds: float | None
    bar: float
    effects: Sequence[RunStep]
    cause: str | None
    why: str | None


@page(RUNS)
async def list_runs(visit: Visit) -> View | NextPage:
    """Show failures, newest first, together by run. A search that names a run leads to it."""
    deps, text = visit.deps(MonitoringDeps), visit.query.get("find", "").strip()
    if text and (run := await find_run(deps, text)) is not None:
        return NextPage(f"{RUN}?id={quote(run, safe='')}")
    chosen = {name: visit.query.get(name) or None for name in FILTERS}
    which = _filter(chosen)
    failures = await list_failures(deps, which, text, after=_position(visit.query.get("after")), limit=ON_A_PAGE + 1)
    listed = failures[:ON_A_PAGE]
    following = None
    if failures[ON_A_PAGE:]:
        place = msgspec.json.encode(FailurePosition(at=listed[-1].at, id=listed[-1].id)).decode()
        sent = {**{name: value for name, value in chosen.items() if value}, "find": text, "after": place}
        following = f"{RUNS}?{urlencode(sent)}"
    return View(
        "runs.html",
        runs=list(_by_run(listed)),
        text=text,
        chosen=chosen,
        states=STATES,
        connections=sorted(visit.deps(VendorDeps).connections.by_name),
        objects=OBJECTS,
        following=following,
        looked_at=LOOKED_AT,
        is_first=not visit.query.get("after"),
    )


@page(RUN)
async def show_run(visit: Visit) -> View:
    """Show the steps of a run: failures first, then all in order. It refreshes itself while the run goes on."""
    run_id = visit.query.get("id", "")
    monitoring = visit.deps(MonitoringDeps)
    report = await read_whole_run(
        monitoring.runs,
        run_id,
        trace_url=visit.deps(HttpDeps).trace_url,
        responsible=monitoring.responsible,
        limit=STEPS,
    )
    receipts = [one.facts["receipt"] for one in report.data if one.kind == "receipt"]
    causes = await monitoring.runs.causes(receipts) if receipts else {}
    reasons = await why_failed(monitoring, _failed_operations(report.data))
    steps = list(_shown(report.data, causes, reasons))
    last = max(one.at for one in report.data)
    return View(
        "run.html",
        here=RUNS,
        report=report,
        steps=steps,
        failed=[one for one in steps if one.meaning == "bad"],
        began=report.data[0].at,
        took=(last - report.data[0].at).total_seconds(),
        is_live=datetime.now(UTC) - last < LIVE,
    )


def _filter(chosen: dict[str, str | None]) -> FailureFilter:
    try:
        return msgspec.convert(chosen, FailureFilter)
    except msgspec.ValidationError as error:
        raise InvalidField(f"The state is one of {', '.join(STATES)}.") from error


def _position(text: str | None) -> FailurePosition | None:
    try:
        return None if text is None else msgspec.json.decode(text, type=FailurePosition)
    except msgspec.MsgspecError as error:
        raise InvalidField.of("after", "is no position of this list") from error


def _by_run(failures: Sequence[Failure]) -> Iterator[tuple[str, list[Failure]]]:
    """Yield failures by run, the run of the newest one first."""
    newest = {one.correlation_id: -place for place, one in reversed(list(enumerate(failures)))}
    ordered = sorted(failures, key=lambda one: -newest[one.correlation_id])
    for run, group in groupby(ordered, key=lambda one: one.correlation_id):
        yield run, list(group)


def _failed_operations(steps: Sequence[RunStep]) -> list[str]:
    return [one.facts["operation"] for one in steps if one.kind == "operation" and meaning_of(one) == "bad"]


def _shown(
    steps: Sequence[RunStep], causes: Mapping[str, str], reasons: Mapping[str, str | None]
) -> Iterator[ShownStep]:
    lines = lines_of(steps)
    longest = max((one for line in lines if (one := _seconds(line.step)) is not None), default=0.0) or 1.0
    for number, line in enumerate(lines, 1):
        step, seconds = line.step, _seconds(line.step)
        yield ShownStep(
            number=number,
            step=step,
            meaning=meaning_of(step),
            seconds=seconds,
            bar=round(100 * (seconds or 0.0) / longest, 1),
            effects=line.parts or ([step] if step.facts.get("type") == "receipt.echoed" else ()),
            cause=causes.get(step.facts["receipt"]) if step.kind == "receipt" else None,
            why=reasons.get(step.facts["operation"])
            if step.kind == "operation" and meaning_of(step) == "bad"
            else None,
        )


def _seconds(step: RunStep) -> float | None:
    milliseconds, ended = step.facts.get("ms"), step.facts.get("ended_at")
    if milliseconds is not None:
        return float(milliseconds) / 1000
    if step.kind == "attempt" and ended is not None:
        return max(0.0, (msgspec.convert(ended, datetime) - step.at).total_seconds())
    return None


def meaning_of(step: RunStep) -> Meaning:
    """Return whether a step failed, or waits."""
    facts: dict[str, Any] = step.facts
    match step.kind:
        case "request" | "vendor_call":
            return "plain" if (facts.get("status") or 599) < 400 else "bad"
        case "operation":
            ended = facts["step"] if facts["step"] == "unknown" else facts.get("outcome")
            return "bad" if ended in ("unknown", "failed") else "plain"
        case "attempt":
            words: dict[str, Meaning] = {"dead": "bad", "retried": "waiting", "lost": "waiting", "deferred": "waiting"}
            return words.get(facts["outcome"], "plain")
        case "delivery" | "dead_letter":
            return "bad" if facts["state"] in ("dead", "open") else "plain"
        case _:
            return "plain"
