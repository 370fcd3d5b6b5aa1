"""Per order key, effects are in order and never overlap, and every job takes effect once: under lease theft, clock
jumps, failures, dead letters and two workers.

Here any step may be taken at any time, one after the other; hypothesis finds the shortest sequence that breaks it.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.postgres.database import Database, Statement
from app.queue.models import Job, JobFailure, LeaseLost
from tests.queue.effects import CREATE, EFFECTS, TAKE_EFFECT
from tests.queue.harness import Harness, new

T = TypeVar("T")

CLEAR = Statement("TRUNCATE job", "TRUNCATE job, lane, attempt, dead_letter, audit_event, effect RESTART IDENTITY")
HEADS = Statement(
    "SELECT job",
    """
    SELECT connection, order_key, count(*) FILTER (WHERE state <> 'behind') AS heads,
           (SELECT count(*) FROM dead_letter
             WHERE dead_letter.connection = job.connection AND dead_letter.order_key = job.order_key
               AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block') AS blocking
      FROM job
     WHERE order_key IS NOT NULL
     GROUP BY connection, order_key
    """,
)
PERMANENT = JobFailure(category="permanent", reason="no")
CONNECTIONS = st.sampled_from(["shop", "desk"])
KEYS = st.sampled_from(["a", "b", None])


class Steps(RuleBasedStateMachine):
    """Two workers, each with jobs at hand that it may have lost without knowing."""

    loop: asyncio.AbstractEventLoop
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.do(self.database.execute(CLEAR))
        self.workers = [Harness(self.database, seed=1), Harness(self.database, seed=2)]
        self.at_hand: list[list[tuple[Job, float]]] = [[], []]
        self.redriven: set[int] = set()

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    def pick(self, worker: int, choice: int) -> tuple[Job, float] | None:
        jobs = self.at_hand[worker]
        return jobs.pop(choice % len(jobs)) if jobs else None

    @rule(connection=CONNECTIONS, keys=st.lists(KEYS, min_size=1, max_size=3), blocks=st.booleans(), late=st.booleans())
    def enqueue(self, connection: str, keys: list[str | None], blocks: bool, late: bool) -> None:
        kind = "strict" if blocks else "work"
        self.do(
            self.workers[0].enqueue(
                *(new(kind, connection=connection, order_key=key, after=5.0 if late else 0.0) for key in keys)
            )
        )

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 4))
    def claim(self, worker: int, limit: int) -> None:
        jobs = self.do(self.workers[worker].claim(limit))
        self.at_hand[worker] += [(job, time.monotonic()) for job in jobs]

    @rule(worker=st.integers(0, 1), choice=st.integers(0, 9))
    def finish(self, worker: int, choice: int) -> None:
        picked = self.pick(worker, choice)
        if picked is not None:
            self.do(_finish(self.workers[worker], *picked))

    @rule(
        worker=st.integers(0, 1), choice=st.integers(0, 9), how=st.sampled_from(["retry", "throttle", "give", "bury"])
    )
    def end_otherwise(self, worker: int, choice: int, how: str) -> None:
        picked = self.pick(worker, choice)
        if picked is not None:
            self.do(_end_otherwise(self.workers[worker], picked[0], how))

    @rule(seconds=st.sampled_from([-3600, 2, 6, 31, 86400]))
    def jump_the_clock(self, seconds: float) -> None:
        self.do(self.workers[0].pass_time(seconds))

    @rule()
    def expire(self) -> None:
        self.do(self.workers[0].queue.expire(10))

    @rule(worker=st.integers(0, 1))
    def die(self, worker: int) -> None:
        self.at_hand[worker] = []

    @rule(choice=st.integers(0, 9), revive=st.booleans())
    def decide(self, choice: int, revive: bool) -> None:
        dead = self.do(self.workers[0].dead())
        if dead:
            self.redriven.add(dead[choice % len(dead)].job_id)
            self.do(_decide(self.workers[0], dead[choice % len(dead)].id, revive))

    @invariant()
    def effects_are_in_order_and_never_overlap(self) -> None:
        last: dict[tuple[str, str], int] = {}
        for row in self.do(self.database.fetch(EFFECTS)):
            assert not row["overlaps"]
            if row["job_id"] in self.redriven:
                continue  # a person has put it behind those that went on without it
            key = (row["connection"], row["order_key"])
            assert last.get(key, 0) < row["job_id"]
            last[key] = row["job_id"]

    @invariant()
    def every_key_has_one_head_or_waits_for_a_person(self) -> None:
        for row in self.do(self.database.fetch(HEADS)):
            assert row["heads"] + row["blocking"] >= 1
            assert row["heads"] <= 1

    def teardown(self) -> None:
        """After any sequence, every job can be brought to its end."""
        self.do(_bring_to_an_end(self.workers[0]))


async def _finish(harness: Harness, job: Job, began: float) -> None:
    try:
        async with harness.finishing(job) as session:
            await session.execute(TAKE_EFFECT, job.id, job.connection, job.order_key, began, time.monotonic())
    except LeaseLost:
        return


async def _end_otherwise(harness: Harness, job: Job, how: str) -> None:
    try:
        match how:
            case "retry":
                await harness.queue.retry(job, "timeout")
            case "throttle":
                await harness.queue.throttle(job, "429", retry_after=3.0)
            case "give back":
                await harness.queue.give_back([job], "not now")
            case _:
                await harness.queue.bury(job, PERMANENT)
    except LeaseLost:
        return


async def _decide(harness: Harness, dead_letter_id: str, revive: bool) -> None:
    async with harness.database.transaction() as session:
        if revive:
            await harness.dead_letters.redrive(session, dead_letter_id, actor="ada")
        else:
            await harness.dead_letters.discard(session, dead_letter_id, actor="ada", because="enough")


async def _bring_to_an_end(harness: Harness) -> None:
    async with asyncio.timeout(30):
        while await harness.states():
            await harness.pass_time(90_000)
            await harness.queue.expire(100)
            for job in await harness.claim():
                await _finish(harness, job, time.monotonic())
            for dead in await harness.dead():
                await _decide(harness, dead.id, revive=False)


@contextmanager
def _open(url: str) -> Iterator[type[Steps]]:
    loop = asyncio.new_event_loop()
    database = loop.run_until_complete(Database.connect(url))
    loop.run_until_complete(database.execute(CREATE))
    try:
        yield type("StepsHere", (Steps,), {"loop": loop, "database": database})
    finally:
        loop.run_until_complete(database.close())
        loop.close()


def test_any_sequence_of_steps_keeps_the_order(database_url: str) -> None:
    with _open(database_url) as steps:
        run_state_machine_as_test(
            steps,
            settings=settings(
                max_examples=30,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
