"""A database that answers and stores nothing: a read-only one, or the schema of another build."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import asyncpg
import httpx
import pytest

from app.monitoring.database_alarms import SETTLE_SECONDS
from app.worker import WATCH_SECONDS
from tests.closing import async_closing
from tests.contract.callers import Caller
from tests.contract.doctor.shell import findings_of, the
from tests.contract.facade import Facade
from tests.contract.outage import database_down
from tests.contract.person import Person
from tests.contract.processes import NO_TLS, Process
from tests.contract.samples import customer
from tests.contract.waiting import until


def administer(url: str, *statements: str) -> None:
    """Run statements on the server of a database, outside it."""
    name = url.partition("?")[0].rpartition("/")[2]

    async def run() -> None:
        async with async_closing(asyncpg.connect(url.replace(f"/{name}?", "/template1?"))) as connection:
            await connection.execute("SET default_transaction_read_only = off")
            for statement in statements:
                await connection.execute(statement)

    asyncio.run(run())


@contextmanager
def read_only(facade: Facade) -> Iterator[None]:
    """Make the database read-only for its present and new sessions, during the block."""
    name = facade.database_url.partition("?")[0].rpartition("/")[2]
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    administer(facade.database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on", end)
    try:
        yield
    finally:
        administer(facade.database_url, f"ALTER DATABASE {name} RESET default_transaction_read_only", end)


def readiness(process: Process) -> tuple[int, str]:
    answer = httpx.get(f"{process.url}/health/ready", verify=NO_TLS)
    return answer.status_code, answer.json().get("detail", "")


def unready(process: Process, why: str) -> str:
    """Wait until a process is not ready for this reason, and return all of the reason. One whose session was just ended
    first answers that the database is not reachable."""
    return until(partial(readiness, process), lambda answer: answer[0] == 503 and why in answer[1], timeout=30)[1]


def ready_again(*processes: Process) -> None:
    """Each process is ready within seconds."""
    for process in processes:
        until(partial(readiness, process), lambda answer: answer[0] == 200, timeout=30)


def refusal(caller: Caller) -> tuple[int, str]:
    answer = caller.write("POST", "/v1/customers", customer("hubspot"))
    return answer.status_code, answer.json().get("detail", "")


@pytest.fixture
def other_worker(facade: Facade) -> Iterator[Process]:
    """A second worker."""
    worker = facade.process("worker")
    worker.start()
    yield worker
    worker.stop()


def test_a_read_only_database_is_not_ready(
    facade: Facade, person: Person, other_api: Process, other_worker: Process, full_key: str
) -> None:
    """Both workers notice it, and one of them sends the alarm."""
    with facade.calling(secret=full_key) as caller:
        with read_only(facade):
            # A session that is just being ended answers that the database is not reachable.
            until(partial(refusal, caller), lambda answer: answer[0] == 503 and "read-only" in answer[1], timeout=30)
            for process in (facade.api, other_api, facade.worker, other_worker):
                unready(process, "read-only")
            message = person.is_told("database_unwritable")
            assert "read-only" in message["summary"]
            mend = the(findings_of(facade.lockstitch("doctor", "--json")), "database", "read-only")["mend"]
            assert "default_transaction_read_only" in mend
            (first, *_) = json.loads(facade.lockstitch("status", "--json").stdout)["alarms"]
            assert (first["name"], first["summary"]) == ("database_unwritable", message["summary"])
        person.is_told_the_end("database_unwritable")
        ready_again(facade.api, other_api, facade.worker, other_worker)
        caller.create("/v1/customers", customer("hubspot"))
        assert person.states("database_unwritable") == ["raised", "over"]


@pytest.mark.long
def test_two_workers_raise_and_end_an_outage_once(facade: Facade, person: Person, other_worker: Process) -> None:
    with database_down(facade):
        person.is_told("database_away")
        time.sleep(2 * WATCH_SECONDS)  # the other one would have raised it by now
    person.is_told_the_end("database_away")
    ready_again(facade.api, facade.worker, other_worker)
    time.sleep(SETTLE_SECONDS + 2 * WATCH_SECONDS)
    assert person.states("database_away") == ["raised", "over"]


def test_the_schema_of_another_build_is_not_ready(facade: Facade, person: Person, other_api: Process) -> None:
    (row,) = facade.sql("SELECT digest FROM schema_migration WHERE version = 1")
    facade.sql("UPDATE schema_migration SET digest = sha256('another') WHERE version = 1")
    try:
        for process in (facade.api, other_api, facade.worker):
            assert "lockstitch doctor" in unready(process, "0001_schema")
        assert "0001_schema" in person.is_told("schema_differs")["summary"]
        assert the(findings_of(facade.lockstitch("doctor", "--json")), "database", "0001_schema")
    finally:
        facade.sql("UPDATE schema_migration SET digest = $1 WHERE version = 1", row["digest"])
    person.is_told_the_end("schema_differs")
    ready_again(other_api)
