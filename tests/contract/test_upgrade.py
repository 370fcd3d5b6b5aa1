"""This version on a database that the next version has migrated: what `docs/operations.md` says of upgrade and
rollback."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.postgres.migrate import migrate, read_migrations
from tests.contract.callers import Caller
from tests.contract.dead_jobs import DeadJobs
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.subscribers import Answer, Delivering, delivering_over, news, subscribe

# A migration may only add while processes of the previous version run.
SYNTHETIC: Final = """
DO $$
DECLARE
    each text;
BEGIN
    FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN from_the_next_version text DEFAULT ''new''', each);
    END LOOP;
END
$$;
CREATE TABLE next_version (id bigint PRIMARY KEY);
CREATE INDEX job_of_next_version ON job (kind, id);
"""
ROUNDS: Final = 4


@pytest.fixture
def delivering(lively_postgres_url: str, tmp_path: Path) -> Iterator[Delivering]:
    """A Lockstitch with vendors and a subscriber, over a database of its own."""
    with delivering_over(lively_postgres_url, tmp_path) as running:
        running.facade.emulators.start()
        try:
            yield running
        finally:
            running.facade.emulators.stop()


def migrate_as_the_next_version(facade: Facade, folder: Path) -> None:
    own = read_migrations()
    for migration in own:
        (folder / f"{migration.version:04d}_{migration.name}.sql").write_text(migration.sql)
    (folder / f"{len(own) + 1:04d}_synthetic.sql").write_text(SYNTHETIC)
    assert [done.name for done in asyncio.run(migrate(facade.database_url, read_migrations(folder)))] == ["synthetic"]


def work(delivering: Delivering, caller: Caller, name: str) -> None:
    """A little of everything that the API and the worker do with the database."""
    hook = delivering.subscribers.hook(name).then(Answer(status=500))
    subscription = subscribe(caller, hook, "customer.updated")
    dead = DeadJobs(delivering.facade)
    for number in range(ROUNDS):
        made = caller.create("/v1/customers", customer("hubspot"))
        assert caller.get(f"/v1/customers/{made['id']}").status_code == 200
        assert caller.get("/v1/customers?limit=2").status_code == 200
        queued = caller.write("POST", "/v1/customers", customer("hubspot"), headers={"prefer": "respond-async"})
        assert caller.settled(queued)["state"] == "succeeded"
        delivering.publish(news(number))
        (letter,) = dead.bury(dead.new())
        assert caller.get(f"/ops/dead-letters/{letter}").status_code == 200
        assert caller.post(f"/ops/dead-letters/{letter}/redrive").status_code == 200
    hook.received(ROUNDS + 1)
    assert caller.post("/ops/redrives", json={"filter": {"connection": dead.connection}}).status_code == 201
    for path in ("/ops/queue", "/ops/audit", "/ops/redrives", "/v1/events", "/v1/operations", "/metrics"):
        assert caller.get(path).status_code == 200, path
    assert caller.get("/ops/audit/verify").json()["intact"] is True
    assert caller.delete(f"/v1/subscriptions/{subscription['id']}").status_code == 204
    delivering.facade.sql("DELETE FROM job WHERE connection = $1", dead.connection)


def errors(delivering: Delivering) -> list[dict[str, Any]]:
    """Return the error lines, without the alarm that the watch raises if it looks while a dead letter is open."""
    lines = map(json.loads, (delivering.api.log + delivering.worker.log).splitlines())
    return [line for line in lines if line["level"] == "error" and line.get("alarm") != "dead_letters"]


def test_processes_that_run_go_on_while_the_next_version_migrates(delivering: Delivering, tmp_path: Path) -> None:
    with delivering.facade.calling(url=delivering.api.url) as caller:
        work(delivering, caller, "before")
        (tmp_path / "next").mkdir()
        migrate_as_the_next_version(delivering.facade, tmp_path / "next")
        work(delivering, caller, "after")
        assert caller.get("/health/ready").status_code == 200
    assert errors(delivering) == []


def test_the_previous_version_works_after_a_rollback(delivering: Delivering, tmp_path: Path) -> None:
    facade = delivering.facade
    delivering.api.stop()
    delivering.worker.stop()
    (tmp_path / "next").mkdir()
    migrate_as_the_next_version(facade, tmp_path / "next")
    applied = facade.sql("SELECT * FROM schema_migration ORDER BY version")

    refused = facade.lockstitch("migrate")
    assert refused.returncode == 1
    assert "it was migrated by a newer one" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert facade.sql("SELECT * FROM schema_migration ORDER BY version") == applied

    delivering.api.start()
    delivering.worker.start()
    with facade.calling(url=delivering.api.url) as caller:
        assert caller.get("/health/ready").json()["status"] == "ok"
        work(delivering, caller, "rolled-back")
    assert errors(delivering) == []
