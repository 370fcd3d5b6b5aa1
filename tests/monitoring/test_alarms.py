"""Alarms: each trouble has its own, and it ends with the trouble."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit import record as audit
from app.audit.chain import AuditSealer
from app.credentials.store import PostgresCredentials
from app.monitoring.models import AlarmFigures
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.monitoring.watch import alarms_of
from app.postgres.database import Database, Statement
from app.queue.pauses import PostgresPauses
from app.settings.alerts import AlertSettings
from tests.encryption import SEALER
from tests.monitoring.test_retention import place, sql
from tests.monitoring.watching import URL, late_job, open_dead_letter, reported, watching
from tests.vendors.vendor_server import running_vendor


async def unknown_operation(database: Database) -> None:
    await place(database, "operations", 1, 0)
    await sql(database, "UPDATE operation SET phase = 'unknown', outcome = NULL")


async def late_approval(database: Database) -> None:
    """One that waits for a day, and one that was requested just now."""
    await place(database, "operations", 2, 0)
    await sql(
        database,
        """UPDATE operation
              SET phase = 'received', outcome = NULL, queued = true, due_at = now(), approval = 'waiting',
                  approve_by = now() + interval '6 days'""",
    )
    await sql(
        database,
        """UPDATE operation SET created_at = now() - interval '25 hours' WHERE id = (SELECT min(id) FROM operation)""",
    )


async def disabled_subscription(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO subscription (id, principal, target_url, digest, events, state, disabled_at, disabled_reason)
           VALUES ('sub_1', 'key_1', '', sha256(''), '{*}', 'disabled', now(), 'it answers 500')""",
    )


async def paused_connection(database: Database) -> None:
    pauses = PostgresPauses(database)
    await pauses.pause("crm", actor="ada", note="Ann Bell has called")
    await pauses.pause("sub_1", actor="lockstitch", note="its target is away")  # the lane of a subscription


async def refused_credential(database: Database) -> None:
    store = PostgresCredentials(database, SEALER)
    await store.replace("crm.tokens", b"{}", kind="oauth")
    await store.refuse("crm.tokens", 1, "invalid_grant")


async def refused_key(database: Database) -> None:
    assert await PostgresPauses(database).refuse("crm", "the vendor refuses the credential")


async def expired_credential(database: Database) -> None:
    past = datetime.now(UTC) - timedelta(minutes=1)
    await PostgresCredentials(database, SEALER).replace("crm.tokens", b"{}", kind="oauth", expires_at=past)


async def due_credential(database: Database) -> None:
    await PostgresCredentials(database, SEALER).set("crm_token", b"x", max_age=timedelta(days=90))
    await sql(database, "UPDATE credential_version SET created_at = created_at - interval '91 days'")


async def unsealed_event(database: Database) -> None:
    async with database.transaction() as session:
        await audit.append(session, audit.Entry(type="key.created", subject="key_1", actor="ada"))
    await sql(database, "UPDATE audit_event SET at = at - interval '10 minutes'")


async def forged_event(database: Database) -> None:
    async with database.transaction() as session:
        await audit.append(session, audit.Entry(type="key.created", subject="key_1", actor="ada"))
    assert await AuditSealer(database).seal() > 0
    await sql(database, "UPDATE audit_event SET actor = 'bob'")


async def paused_consumers(database: Database) -> None:
    """One of the configuration, and one that was removed from it."""
    await sql(
        database, "INSERT INTO consumer (name, paused_at) VALUES ('customers:crm', now()), ('orders:gone', now())"
    )


async def old_data(database: Database) -> None:
    await sql(database, "INSERT INTO watermark (connection, object, breached_at) VALUES ('crm', 'customer', now())")


async def key_taken(database: Database) -> None:
    async with database.transaction() as session:
        taken = audit.Entry(type="operation.key_taken", subject="op_1", actor="key_1", facts={"by": "op_2"})
        await audit.append(session, taken)


async def waiting_erasure(database: Database) -> None:
    """One that waits for an hour, and one that has begun just now."""
    await sql(
        database,
        """INSERT INTO erasure (id, person, waits_for, actor, correlation_id, created_at)
           VALUES ('era_1', '', '{op_1,job_7}', 'ada', 'run', now() - interval '61 minutes'),
                  ('era_2', '', '{}', 'ada', 'run', now())""",
    )


async def looping_consumer(database: Database) -> None:
    await sql(
        database,
        "INSERT INTO consumer (name, paused_at, paused_for) VALUES ('customers:crm', now(), 'loop')",
    )


@pytest.mark.parametrize(
    ("trouble", "name", "says"),
    [
        (open_dead_letter, "dead_letters", "1 open dead letter."),
        (late_job, "job_lag", "(crm)"),
        (unknown_operation, "unknown_operations", "1 write with an unknown outcome"),
        (late_approval, "late_approvals", "1 write waiting long for an approval."),
        (disabled_subscription, "disabled_subscriptions", "1 disabled subscription: "),
        (paused_connection, "connection_paused.crm", "an operator has paused it"),
        (refused_credential, "credential_refused.crm.tokens", "is refused (invalid_grant)"),
        (refused_key, "connection_paused.crm", "its credential is refused"),
        (expired_credential, "credential_expired.crm.tokens", "has expired. → lockstitch connect crm"),
        (due_credential, "credential_due.crm_token", "has reached its maximum age"),
        (paused_consumers, "consumer_paused.customers:crm", "would have removed more than 20 values"),
        (old_data, "freshness_breached.crm.customer", "older than their limit"),
        (looping_consumer, "consumer_paused.customers:crm", "wrote one record again and again"),
        (key_taken, "sent_twice.op_1", "op_1 and op_2 have one idempotency key"),
        (waiting_erasure, "erasure_running.era_1", "is not done after an hour: it waits for op_1, job_7."),
        (unsealed_event, "audit_tail", "not sealed"),
        (forged_event, "audit_broken", "content at position 1"),
    ],
)
async def test_each_trouble_has_its_alarm(database: Database, trouble: Any, name: str, says: str) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=f"{receiver.url}/hook")) as watch:
        await watch.check()
        assert receiver.calls == []
        await trouble(database)
        await AuditSealer(database).seal() if name not in ("audit_tail", "audit_broken") else None
        await watch.check()
        await watch.check()

        assert reported(receiver) == [(name, "raised")]
        (call,) = receiver.calls
        assert (call.method, call.target, call.headers["content-type"]) == ("POST", "/hook", "application/json")
        message = json.loads(call.body)
        summary, _, next_step = says.partition(" → ")
        assert summary in message["summary"]
        assert message["text"] == f"[Lockstitch] {message['summary']}"
        assert message["next_step"]
        assert next_step in message["next_step"]
        assert message["link"].startswith(f"{URL}/console"), "a browser has no API key"
        assert message["installation"] == URL
        assert "Ann Bell" not in call.body.decode()


async def test_the_alarm_of_disabled_subscriptions_names_their_own_next_steps(database: Database) -> None:
    """A target failed, or an owner lacks a scope: only the subscription says which."""
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await disabled_subscription(database)
        await watch.check()
        (call,) = receiver.calls
        assert json.loads(call.body)["next_step"].endswith("lockstitch subscriptions show ID")


async def test_the_alarm_of_a_refused_credential_ends_when_it_is_revoked(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await refused_credential(database)
        await watch.check()
        await PostgresCredentials(database, SEALER).revoke("crm.tokens")
        await AuditSealer(database).seal()
        await watch.check()
        refused = "credential_refused.crm.tokens"
        assert reported(receiver) == [(refused, "raised"), (refused, "over")]


def test_an_alarm_counts_with_separators_of_thousands() -> None:
    figures = AlarmFigures(
        dead_letters=12_345, unknown_operations=0, disabled_subscriptions=0, troubles=(), job_lag=0.0, lagging=None
    )
    assert [alarm.summary for alarm in alarms_of(figures, URL, 300.0)] == ["12,345 open dead letters."]


async def test_the_alarms_of_needs_authorization_name_connect(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await refused_credential(database)
        await refused_key(database)
        await AuditSealer(database).seal()
        await watch.check()
        assert all("lockstitch connect crm" in json.loads(call.body)["next_step"] for call in receiver.calls)
        await PostgresCredentials(database, SEALER).replace("crm.tokens", b"{}", kind="oauth")
        pauses = PostgresPauses(database)
        await pauses.resume("crm", actor="ada")
        await pauses.credential_accepted("crm")
        await AuditSealer(database).seal()
        await watch.check()
        names = {"credential_refused.crm.tokens", "connection_paused.crm"}
        assert sorted(reported(receiver)) == sorted((name, state) for name in names for state in ("raised", "over"))


async def test_a_secret_that_the_vault_lacks_has_its_alarm(database: Database) -> None:
    store = PostgresCredentials(database, SEALER)
    async with (
        running_vendor() as receiver,
        watching(database, AlertSettings(url=receiver.url), secrets=["crm_token"]) as watch,
    ):
        await watch.check()
        await store.set("crm_token", b"x")
        await store.set("nobody_refers_to_it", b"x")
        await watch.check()
        for name in ("crm_token", "nobody_refers_to_it"):
            await store.revoke(name)
        await AuditSealer(database).seal()
        await watch.check()
        missing = "credential_missing.crm_token"
        assert reported(receiver) == [(missing, "raised"), (missing, "over"), (missing, "raised")]


async def test_jobs_of_a_stopped_or_throttled_connection_are_not_late(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await late_job(database, "shop")
        await PostgresPauses(database).pause("shop", actor="ada", note="stop")
        await AuditSealer(database).seal()
        await watch.check()
        assert reported(receiver) == [("connection_paused.shop", "raised")]


async def test_the_figures_go_by_their_indexes(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO job (kind, connection, state, run_at, max_attempts, dead_head, payload, correlation_id)
           SELECT 'ingest', 'crowd-' || number % 20, 'ready', now() - interval '1 day', 8, 'skip', '', 'run-1'
             FROM generate_series(1, 20000) AS number""",
    )
    await sql(database, "VACUUM ANALYZE job")
    reader = PostgresAlarmFigures(database, [])
    before = await rows_read(database)
    vitals = await reader.read()
    assert vitals.job_lag > 80_000
    assert await rows_read(database) - before < 200


async def test_jobs_behind_a_target_that_is_probed_now_and_then_are_not_late(database: Database) -> None:
    await late_job(database, "sub_1")
    await sql(
        database,
        """INSERT INTO lane (connection, blocked_reason, blocked_until, blocked_at)
           VALUES ('sub_1', 'throttle', now() - interval '1 second', now() - interval '1 hour')""",
    )

    assert (await PostgresAlarmFigures(database, ["crm"]).read()).job_lag == 0.0


async def test_jobs_of_a_paused_connection_that_is_no_longer_configured_are_late(database: Database) -> None:
    await late_job(database, "shop")
    await PostgresPauses(database).pause("shop", actor="ada", note="stop")
    figures = await PostgresAlarmFigures(database, ["store"]).read()
    assert (figures.lagging, figures.troubles) == ("shop", [])
    assert (await PostgresAlarmFigures(database, ["shop"]).read()).job_lag == 0.0


async def rows_read(database: Database) -> int:
    async with database.acquire() as session:
        await session.execute(Statement("SELECT pg_stat", "SELECT pg_stat_force_next_flush()"))
        read: int = await session.fetch_value(
            Statement(
                "SELECT pg_stat",
                "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint"
                "  FROM pg_stat_user_tables WHERE relname = 'job'",
            )
        )
    return read
