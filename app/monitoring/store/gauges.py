"""Gauges for Prometheus that come from the database: the same on every process, as of the last scrape."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from app.audit.trail import PostgresAuditTrail
from app.errors import StoreUnavailable
from app.monitoring.models import Beat, Trouble
from app.monitoring.store import heartbeats
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.postgres.database import Database, Statement
from app.postgres.fault import DatabaseFault
from app.queue.figures import read_figures
from app.queue.models import QueueFigures

# A scrape has 10 seconds, of which looking up its key may take two.
SECONDS: Final = 3.0
OPEN_PHASES: Final = ("received", "sent", "unknown")
PAUSE_REASONS: Final = ("auth", "account", "operator")
BY_LANE: Final = ("connection", "kind")

COUNT_DEAD_LETTERS = Statement(
    "SELECT dead_letter",
    """
    SELECT connection, kind, category, count(*)::bigint AS count
      FROM dead_letter
     WHERE state = 'open'
     GROUP BY connection, kind, category
    """,
)

COUNT_REDRIVES = Statement("SELECT redrive", "SELECT count(*)::bigint FROM redrive WHERE state = 'running'")

# An interrupted upload counts as finished once the same file was recorded completely, under any key.
UNFINISHED_UPLOADS = Statement(
    "SELECT upload",
    """
    SELECT connection, count(*)::bigint AS count,
           greatest(0, max(extract(epoch FROM now() - created_at)))::float8 AS oldest
      FROM upload
     WHERE connection = ANY ($1::text[])
       AND CASE WHEN ended_at IS NULL
                THEN NOT EXISTS (SELECT
                                   FROM upload AS again
                                  WHERE again.connection = upload.connection
                                    AND again.digest = upload.digest
                                    AND again.ended_at > upload.created_at)
                ELSE (connection, correlation_id) IN (SELECT connection, correlation_id
                                                        FROM job
                                                       WHERE kind = 'ingest'
                                                         AND connection = ANY ($1::text[]))
           END
     GROUP BY connection
    """,
)


class Gauges:
    """`refresh` reads the gauges; `collect` returns the last values, or nothing while the database is down.

    `connections` are the configured ones, which `figures` are about; `exporting` are those that take uploads.
    """

    def __init__(
        self,
        database: Database,
        figures: PostgresAlarmFigures,
        connections: Collection[str],
        exporting: Collection[str],
        write_fault: Callable[[], Awaitable[DatabaseFault | None]],
        measure_freshness: Callable[[], Awaitable[Sequence[Metric]]],
    ) -> None:
        self._database = database
        self._figures = figures
        self._write_fault = write_fault
        self._measure_freshness = measure_freshness
        self._freshness: Sequence[Metric] = ()
        self._writable = True
        self._troubles: Sequence[Trouble] = ()
        self._connections = sorted(connections)
        self._exporting = sorted(exporting)
        self._reading: asyncio.Task[bool] | None = None
        self._up = False
        self._uploads: dict[str, tuple[int, float]] = {}
        self._stopped = 0
        self._workers: Sequence[Beat] = ()
        self._operations: dict[str, tuple[int, float]] = {}
        self._queue: Sequence[QueueFigures] = ()
        self._dead_letters: dict[tuple[str, str, str], int] = {}
        self._redrives = 0
        self._trail = PostgresAuditTrail(database)
        self._sealed = (0, 0.0)

    async def refresh(self) -> None:
        """Read the gauges now, if the database answers within SECONDS."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # Not cancelled on a timeout: the cancellation would be one more request to PostgreSQL.
        await asyncio.wait({self._reading}, timeout=SECONDS)
        self._up = self._reading.done() and self._reading.result()

    async def _read(self) -> bool:
        try:
            await self._read_all()
        except StoreUnavailable:
            return False
        return True

    async def _read_all(self) -> None:
        self._operations = await heartbeats.count_open_operations(self._database)
        self._queue = await read_figures(self._database)
        rows = await self._database.fetch(COUNT_DEAD_LETTERS)
        self._dead_letters = {(row["connection"], row["kind"], row["category"]): row["count"] for row in rows}
        self._redrives = await self._database.fetch_value(COUNT_REDRIVES)
        self._sealed = await self._trail.figures()
        figures = await self._figures.read()
        self._stopped, self._troubles = figures.disabled_subscriptions, figures.troubles
        self._workers = [beat for beat in figures.beats if beat.role == "worker"]
        self._writable = await self._write_fault() is None
        rows = await self._database.fetch(UNFINISHED_UPLOADS, self._exporting) if self._exporting else []
        self._uploads = {row["connection"]: (row["count"], row["oldest"]) for row in rows}
        self._freshness = await self._measure_freshness()

    def collect(self) -> list[Metric]:
        """Return the metrics, for `telemetry.add_collector`."""
        up = _one("lockstitch_database_up", "1 while the database answers this process.", self._up)
        if not self._up:
            return [up]
        return [
            up,
            *self._of_processes(),
            *self._of_work(),
            *self._of_what_waits(),
            *self._of_uploads(),
            *self._freshness,
        ]

    def _of_processes(self) -> Iterator[Metric]:
        yield _one(
            "lockstitch_database_writable", "1 while the database stores what this process writes.", self._writable
        )
        age = min((beat.silent for beat in self._workers), default=math.inf)
        yield _one("lockstitch_worker_seen_seconds", "Age of the last heartbeat of any worker.", age)
        silences = (((beat.process,), beat.silent) for beat in self._workers)
        meaning = "Age of the last heartbeat of each worker, until another takes its place."
        yield _gauge("lockstitch_worker_silent_seconds", meaning, ("process",), silences)
        sealed, unsealed_seconds = self._sealed
        yield _one("lockstitch_audit_sealed", "Audit events in the chain.", sealed)
        meaning = "Age of the first audit event that is not in the chain yet."
        yield _one("lockstitch_audit_unsealed_seconds", meaning, unsealed_seconds)

    def _of_work(self) -> Iterator[Metric]:
        phases = {(phase,): self._operations.get(phase, (0, 0.0)) for phase in OPEN_PHASES}
        counts = ((labels, count) for labels, (count, _) in phases.items())
        yield _gauge("lockstitch_operations_open", "Operations not decided yet.", ("phase",), counts)
        ages = ((labels, age) for labels, (_, age) in phases.items())
        yield _gauge("lockstitch_operations_oldest_seconds", "Age of the oldest open operation.", ("phase",), ages)
        for name, meaning, figure in OF_QUEUE:
            values = (((each.connection, each.kind), figure(each)) for each in self._queue)
            yield _gauge(name, meaning, BY_LANE, values)
        meaning, labels = "Jobs that were given up and wait for a decision.", (*BY_LANE, "category")
        yield _gauge("lockstitch_dead_letters_open", meaning, labels, self._dead_letters.items())
        yield _one("lockstitch_redrives_running", "Bulk redrives under way.", self._redrives)

    def _of_what_waits(self) -> Iterator[Metric]:
        waiting, oldest = self._operations.get("waiting", (0, 0.0))
        yield _one("lockstitch_approvals_waiting", "Writes that wait for the approval of a person.", waiting)
        yield _one("lockstitch_approvals_oldest_seconds", "Age of the oldest write that waits for approval.", oldest)
        paused = {(one.name, one.problem) for one in self._troubles}
        yield _gauge(
            "lockstitch_trouble",
            "1 for each connection, subscription or credential with a problem that raises an alarm.",
            ("name", "problem"),
            ((each, 1.0) for each in sorted(paused)),
        )
        by_reason = product(self._connections, PAUSE_REASONS)
        yield _gauge(
            "lockstitch_connection_paused",
            "1 while a connection waits for a person: auth, a refused credential; operator, somebody paused it.",
            ("connection", "reason"),
            ((each, float(each in paused)) for each in by_reason),
        )
        meaning = "Subscriptions that are disabled: their deliveries wait for a person."
        yield _one("lockstitch_subscriptions_waiting", meaning, self._stopped)

    def _of_uploads(self) -> Iterator[Metric]:
        uploads = [((name,), self._uploads.get(name, (0, 0.0))) for name in self._exporting]
        counts = ((labels, count) for labels, (count, _) in uploads)
        meaning = "Exports with rows that are not yet recorded or processed."
        yield _gauge("lockstitch_uploads_unfinished", meaning, ("connection",), counts)
        ages = ((labels, age) for labels, (_, age) in uploads)
        yield _gauge("lockstitch_uploads_oldest_seconds", "Age of the oldest unfinished export.", ("connection",), ages)


OF_QUEUE: Final[tuple[tuple[str, str, Callable[[QueueFigures], float]], ...]] = (
    ("lockstitch_queue_depth", "Jobs that wait or run.", lambda one: one.depth),
    ("lockstitch_queue_oldest_seconds", "Age of the oldest job.", lambda one: one.oldest_age),
    (
        "lockstitch_queue_lag_seconds",
        "How long the longest waiting job could have started already.",
        lambda one: one.lag,
    ),
    (
        "lockstitch_queue_blocked_keys",
        "Records whose jobs are held up by one that failed.",
        lambda one: one.blocked_keys,
    ),
)


def _one(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return _gauge(name, meaning, (), [((), float(value))])


def _gauge(
    name: str, meaning: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, meaning, labels=labels)
    for named, value in values:
        gauge.add_metric(named, value)
    return gauge
