"""However many rows there are, the statements of the console's pages read little more than they show."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import asyncpg
import pytest

from app.audit import trail
from app.audit.trail import SELECT_DECISIONS, SELECT_DECISIONS_OF, SELECT_OF_NEWEST, SELECT_PAGE
from app.dead_letters.store import dead_letters, redrives
from app.drift.store import COUNT_OPEN, PAGES
from app.events.store import replays, subscription_statements
from app.monitoring.models import LOOKED_AT
from app.monitoring.store import failures, runs, vitals
from app.postgres.database import SESSION_SETTINGS, Statement
from app.writes.store import statements
from benchmarks.console_fill import DECISIONS, WIDE, fill
from tests.closing import async_closing

ROWS: Final = 4_000
LIMIT: Final = 21
MOST: Final = 180
"""Rows that a statement may read for a page of LIMIT, or of its count of that many."""
MOST_OF: Final = {"changes": MOST + LIMIT * len(DECISIONS)}
"""Of each kind of decision, as many as the page has."""
NEWEST: Final = "zzz"


def letters(**chosen: str) -> tuple[object, ...]:
    """The arguments of a filter of dead letters, without the state."""
    names = ("connection", "kind", "category", "since", "until", "correlation_id", "reason", "path")
    return tuple(chosen.get(name) for name in names)


def events(before: int | None = None, **chosen: Any) -> tuple[object, ...]:
    """The arguments of a page of the audit trail."""
    names = ("type", "prefix", "record", "actor", "correlation_id", "since")
    return (*(chosen.get(name) for name in names), before, LIMIT)


SMALL: Final = ("subscription", "lane", "heartbeat", "redrive")
"""Tables with few rows."""
OPEN: Final = dead_letters.SELECT_OPEN
ANY: Final = dead_letters.SELECT_PAGE
SUBSCRIPTIONS: Final = [f"sub_{number}" for number in range(10)]
READS: Final[dict[str, tuple[Statement, Sequence[object]]]] = {
    "now: counts": (vitals.COUNT, (LIMIT,)),
    "now: failing subscribers": (vitals.UNDELIVERED, ()),
    "now: lag": (vitals.LAG, (["hubspot"],)),
    "now: writes sent twice": (vitals.SENT_TWICE, ()),
    "now: work": (vitals.WORK, (LIMIT,)),
    "runs": (failures.BROWSE, (None, None, None, None, None, None, LIMIT, None)),
    "runs by an unknown number": (failures.SEARCH, (*(None,) * 6, LIMIT, None, [b"x" * 32], [], [], [])),
    "runs by record": (failures.SEARCH, (*(None,) * 6, LIMIT, None, [], ["hubspot"], ["11"], ["customer:11"])),
    "runs: reasons": (statements.SELECT_PROBLEMS, (["op_1", "op_2"],)),
    "run": (runs.SELECT_STORY, ("run-11", None, None, None, LIMIT)),
    "run: echoes": (runs.CAUSES, (["in_1"],)),
    "dead letters": (OPEN, ("open", *letters(), None, LIMIT)),
    "dead letters, next page": (OPEN, ("open", *letters(), NEWEST, LIMIT)),
    "dead letters, redriven": (ANY, ("redriven", *letters(), None, LIMIT)),
    "dead letters, all": (ANY, (None, *letters(), None, LIMIT)),
    "dead letters of a connection": (OPEN, ("open", *letters(connection="sub_7"), None, LIMIT)),
    "dead letters of no connection": (OPEN, ("open", *letters(connection="nowhere"), None, LIMIT)),
    "dead letters of no kind": (OPEN, ("open", *letters(kind="nothing"), None, LIMIT)),
    "dead letters of no category": (OPEN, ("open", *letters(category="poison"), None, LIMIT)),
    "dead letters of no code": (OPEN, ("open", *letters(reason="x"), None, LIMIT)),
    "dead letters without a path": (OPEN, ("open", *letters(path="-"), None, LIMIT)),
    "dead letters of no path": (OPEN, ("open", *letters(path="x"), None, LIMIT)),
    "closed dead letters of no path": (ANY, ("discarded", *letters(kind="deliver", path="x"), None, LIMIT)),
    "all dead letters of no path": (ANY, (None, *letters(path="x"), None, LIMIT)),
    "dead letters by cause": (dead_letters.SELECT_GROUPS, ("open", *letters(), LIMIT, 50)),
    "causes of no path": (dead_letters.SELECT_GROUPS, ("open", *letters(path="x"), LIMIT, 50)),
    "preview of a redrive": (dead_letters.PREVIEW, ("open", *letters(), LIMIT, 50)),
    "redrives": (redrives.SELECT_PAGE, (None, 3)),
    "dead letter: attempts": (dead_letters.SELECT_ATTEMPTS, (-7,)),
    "undecided writes": (statements.PAGES["unknown"], (["customer"], None, LIMIT, False)),
    "undecided writes, next page": (statements.PAGES["unknown"], (["customer"], NEWEST, LIMIT, False)),
    "connections: drift": (COUNT_OPEN, (["hubspot", "shop", "nowhere"], LIMIT)),
    "connection: drift": (PAGES[False, True], ("hubspot", None, None, LIMIT)),
    "connection: no drift": (PAGES[False, True], ("shop", None, None, LIMIT)),
    "subscribers": (subscription_statements.SELECT_TROUBLED, (None, LIMIT)),
    "subscriptions of the API": (subscription_statements.SELECT_PAGE, (None, LIMIT)),
    "subscribers: backlogs": (replays.SELECT_BACKLOGS, (SUBSCRIPTIONS, 10)),
    "subscriber: failing": (replays.SELECT_FAILING, ("sub_4", LIMIT)),
    "subscriber: newest": (replays.SELECT_NEWEST, ("sub_4", LIMIT)),
    "changes": (SELECT_DECISIONS, events()),
    "changes, next page": (SELECT_DECISIONS, events(before=ROWS)),
    "changes of a kind": (SELECT_PAGE, events(prefix="connection.")),
    "changes of no kind": (SELECT_PAGE, events(prefix="environment.")),
    "changes of a type": (SELECT_PAGE, events(type="job.redriven")),
    "changes, everything": (SELECT_PAGE, events()),
    "changes of a record": (SELECT_DECISIONS_OF, events(record="job_11")),
    "changes of a run": (SELECT_DECISIONS_OF, events(correlation_id="run-11")),
    "changes of a type by no key": (SELECT_OF_NEWEST, events(type="connection.paused", actor="nobody")),
}


@pytest.fixture(scope="module")
def filled_url(module_database_url: str) -> str:
    """A database with many rows in every table that a page reads."""
    asyncio.run(fill(module_database_url, ROWS))
    return module_database_url


@pytest.mark.parametrize("name", READS)
def test_a_page_reads_little(filled_url: str, name: str) -> None:
    statement, arguments = READS[name]
    scans = list(_scans(_plan(filled_url, statement, arguments)))
    large = [one for one in scans if one["Relation Name"] not in SMALL]
    assert sum(map(_rows_read, large)) <= MOST_OF.get(name, MOST), _facts(large)
    assert "Seq Scan" not in {one["Node Type"] for one in large}


def test_a_page_of_a_long_run_reads_only_that_run(filled_url: str) -> None:
    plan = _plan(filled_url, runs.SELECT_STORY, (WIDE, None, None, None, LIMIT))
    scans = list(_scans(plan))
    assert sum(map(_rows_read, scans)) <= ROWS // 100, _facts(scans)


def test_filters_of_runs_and_changes_look_at_a_bounded_number() -> None:
    assert failures.BROWSE.sql.count(f"LIMIT {LOOKED_AT}") == 3
    assert f"LIMIT {trail.LOOKED_AT}" in SELECT_OF_NEWEST.sql
    assert f"LIMIT {trail.OF_EACH}" in SELECT_DECISIONS.sql


def _plan(url: str, statement: Statement, arguments: Sequence[object]) -> dict[str, Any]:
    async def explain() -> str:
        async with async_closing(asyncpg.connect(url, server_settings=SESSION_SETTINGS)) as connection:
            return await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.sql}", *arguments)

    return json.loads(asyncio.run(explain()))[0]["Plan"]


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node:
        yield node
    for child in node.get("Plans", ()):
        yield from _scans(child)


def _rows_read(scan: dict[str, Any]) -> float:
    passed = scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return (scan["Actual Rows"] + passed) * scan["Actual Loops"]


def _facts(scans: Sequence[dict[str, Any]]) -> str:
    return "\n".join(
        f"{_rows_read(one)} {one['Node Type']} {one.get('Index Name')} {one.get('Filter')}" for one in scans
    )
