"""Alarms: one worker reports each trouble once, again while it lasts, and when it is over; also without a database."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.audit import record as audit
from app.audit.chain import AuditSealer
from app.audit.trail import PostgresAuditTrail
from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.monitoring.models import Message
from app.monitoring.notify import open_alerting
from app.monitoring.store.alarms import PostgresAlarms
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.monitoring.watch import AWAY_SECONDS, Watch
from app.postgres.database import Database, Statement
from app.queue.pauses import PostgresPauses
from app.settings.alerts import AlertSettings, SmtpSettings
from app.settings.file import SettingsError
from tests.encryption import SEALER
from tests.monitoring.mailbox import running_mailbox
from tests.monitoring.test_retention import place, sql
from tests.vendors.vendor_server import OK, Reply, VendorServer, running_vendor

pytestmark = pytest.mark.anyio

URL = "https://lockstitch.example"
REPEAT = 3600.0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def watching(
    database: Database, alerts: AlertSettings, clock: Clock | None = None, secrets: Sequence[str] = ()
) -> AsyncIterator[Watch]:
    """One worker's watcher."""
    trail = PostgresAuditTrail(database)
    async with open_alerting(alerts, installation=URL, secrets=Secrets({})) as alerter:
        yield Watch(
            PostgresAlarmFigures(database, ["crm", "shop"], secrets),
            PostgresAlarms(database),
            trail,
            alerter,
            public_url=URL,
            repeat_seconds=REPEAT,
            job_lag_seconds=600.0,
            clock=clock or Clock(),
        )


def reported(receiver: VendorServer) -> list[tuple[str, str]]:
    """Name and state of every alarm that came in, in order."""
    found = [json.loads(call.body) for call in receiver.calls]
    return [(one["alarm"], one["state"]) for one in found]


async def open_dead_letter(database: Database, number: int = 1) -> None:
    await place(database, "dead_letters", number, 0)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL")


async def late_job(database: Database, connection: str = "crm") -> None:
    await sql(
        database,
        """INSERT INTO job (kind, connection, state, run_at, max_attempts, dead_head, payload, correlation_id)
           VALUES ('ingest', $1, 'ready', now() - interval '11 minutes', 8, 'skip', '', 'run-1')""",
        connection,
    )


async def unknown_operation(database: Database) -> None:
    await place(database, "operations", 1, 0)
    await sql(database, "UPDATE operation SET phase = 'unknown', outcome = NULL")


async def disabled_subscription(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO subscription (id, principal, target_url, events, state, disabled_at, disabled_reason)
           VALUES ('sub_1', 'key_1', '', '{*}', 'disabled', now(), 'it answers 500')""",
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
    await PostgresCredentials(database, SEALER).replace("grant", b"{}", kind="oauth", expires_at=past)


async def due_credential(database: Database) -> None:
    await PostgresCredentials(database, SEALER).set("crm_token", b"x", max_age=timedelta(days=90))
    await sql(database, "UPDATE credential_version SET created_at = created_at - interval '91 days'")


async def unsealed_event(database: Database) -> None:
    async with database.transaction() as session:
        await audit.append(session, "key.created", subject="key_1", actor="ada", correlation_id=None, facts={})
    await sql(database, "UPDATE audit_event SET at = at - interval '10 minutes'")


async def forged_event(database: Database) -> None:
    async with database.transaction() as session:
        await audit.append(session, "key.created", subject="key_1", actor="ada", correlation_id=None, facts={})
    assert await AuditSealer(database).seal() > 0
    await sql(database, "UPDATE audit_event SET actor = 'bob'")


@pytest.mark.parametrize(
    ("trouble", "name", "says"),
    [
        (open_dead_letter, "dead_letters", "1 dead letters"),
        (late_job, "job_lag", "(crm)"),
        (unknown_operation, "unknown_operations", "an unknown outcome"),
        (disabled_subscription, "disabled_subscriptions", "1 subscriptions"),
        (paused_connection, "connection_paused.crm", "an operator has paused it"),
        (refused_credential, "credential_refused.crm.tokens", "is refused (invalid_grant)"),
        (refused_key, "connection_paused.crm", "its credential is refused"),
        (expired_credential, "credential_expired.grant", "has expired"),
        (due_credential, "credential_due.crm_token", "has reached its maximum age"),
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
        assert says in message["summary"]
        assert message["text"] == f"[Lockstitch] {message['summary']}"
        assert message["next_step"]
        assert message["link"].startswith(URL)
        assert message["installation"] == URL
        assert "Ann Bell" not in call.body.decode()


async def test_the_alarm_of_disabled_subscriptions_names_their_own_next_steps(database: Database) -> None:
    """A target failed, or an owner lacks a scope: only the subscription says which."""
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await disabled_subscription(database)
        await watch.check()
        (call,) = receiver.calls
        assert json.loads(call.body)["next_step"].startswith("GET /v1/subscriptions has the next step of each;")


async def test_the_alarm_of_a_refused_credential_ends_when_it_is_revoked(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await refused_credential(database)
        await watch.check()
        await PostgresCredentials(database, SEALER).revoke("crm.tokens")
        await AuditSealer(database).seal()
        await watch.check()
        refused = "credential_refused.crm.tokens"
        assert reported(receiver) == [(refused, "raised"), (refused, "over")]


async def test_the_alarms_of_needs_authorization_name_connect(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await refused_credential(database)
        await refused_key(database)
        await AuditSealer(database).seal()
        await watch.check()
        assert all("lockstitch connect crm." in json.loads(call.body)["next_step"] for call in receiver.calls)
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


async def test_an_alarm_goes_to_an_address_in_the_vault(database: Database) -> None:
    store = PostgresCredentials(database, SEALER)
    vault = Vault(store)
    alerts = AlertSettings(url="vault:pager", heartbeat_url="vault:switch")
    async with (
        running_vendor() as receiver,
        open_alerting(alerts, installation=URL, secrets=Secrets({}, vault)) as alerter,
    ):
        await alerter.heartbeat()
        for name in ("pager", "switch"):
            await store.set(name, f"{receiver.url}/{name}".encode())
        await vault.refresh()
        await alerter.heartbeat()
        message = Message(alarm="drift", state="raised", summary="s", next_step="n", link=None, since=datetime.now(UTC))
        assert await alerter.send(message)
        assert receiver.targets() == ["GET /switch", "POST /pager"]
        await store.revoke("pager")
        await vault.refresh()
        assert not await alerter.send(message)


async def test_several_workers_report_a_trouble_once_per_interval(database: Database) -> None:
    async with running_vendor() as receiver:
        alerts = AlertSettings(url=receiver.url)
        async with watching(database, alerts) as one, watching(database, alerts) as two:
            await open_dead_letter(database)
            for watch in (one, two, one, two):
                await watch.check()
            assert reported(receiver) == [("dead_letters", "raised")]
            await open_dead_letter(database, 2)
            await two.check()
            past = timedelta(seconds=REPEAT + 1)
            await sql(database, "UPDATE alert SET reported_at = reported_at - $1::interval", past)
            for watch in (two, one):
                await watch.check()
            assert reported(receiver) == [("dead_letters", "raised"), ("dead_letters", "standing")]
            assert "2 dead letters" in json.loads(receiver.calls[-1].body)["text"]
            await sql(database, "DELETE FROM dead_letter")
            for watch in (two, one):
                await watch.check()
            assert reported(receiver)[2:] == [("dead_letters", "over")]
            assert await sql(database, "SELECT FROM alert") == []
            await open_dead_letter(database)
            await one.check()
            assert reported(receiver)[3:] == [("dead_letters", "raised")]


async def test_the_next_worker_repeats_an_undelivered_alarm(database: Database) -> None:
    async with running_vendor() as receiver:
        receiver.then(Reply(status=500), "reset", OK)
        alerts = AlertSettings(url=receiver.url)
        async with watching(database, alerts) as one, watching(database, alerts) as two:
            await open_dead_letter(database)
            for watch in (one, two, one, two):
                await watch.check()
            assert reported(receiver) == [("dead_letters", "raised")] * 3


async def test_an_unreported_trouble_has_no_end_message(database: Database) -> None:
    async with (
        running_vendor(Reply(status=500)) as receiver,
        watching(database, AlertSettings(url=receiver.url)) as watch,
    ):
        await open_dead_letter(database)
        await watch.check()
        await sql(database, "DELETE FROM dead_letter")
        await watch.check()
        assert reported(receiver) == [("dead_letters", "raised")]
        assert await sql(database, "SELECT FROM alert") == []


async def test_another_worker_sends_the_alarm_of_a_dead_one(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await open_dead_letter(database)
        vitals = await PostgresAlarmFigures(database, []).read()
        assert vitals.dead_letters == 1
        await sql(
            database,
            """INSERT INTO alert (name, summary, claim_token, claimed_until)
               VALUES ('dead_letters', '1 dead letters are open.', 'a worker that is gone',
                       now() + interval '1 minute')""",
        )
        await watch.check()
        assert receiver.calls == []
        await sql(database, "UPDATE alert SET claimed_until = claimed_until - interval '61 seconds'")
        await watch.check()
        assert reported(receiver) == [("dead_letters", "raised")]


async def test_jobs_of_a_stopped_or_throttled_connection_are_not_late(database: Database) -> None:
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url)) as watch:
        await late_job(database, "shop")
        await PostgresPauses(database).pause("shop", actor="ada", note="stop")
        await AuditSealer(database).seal()
        await watch.check()
        assert reported(receiver) == [("connection_paused.shop", "raised")]


async def test_an_outage_of_the_database_is_reported_from_memory(database_url: str) -> None:
    database, clock = await Database.connect(database_url, max_size=1), Clock()
    async with running_vendor() as receiver, watching(database, AlertSettings(url=receiver.url), clock) as watch:
        await watch.check()
        assert watch.well
        pool, database._pool = database._pool, None  # type: ignore[assignment]
        await pool.close()
        database._pool = pool
        await watch.check()
        assert not watch.well
        clock.now += AWAY_SECONDS - 1
        await watch.check()
        assert receiver.calls == []
        clock.now += 2
        receiver.then(Reply(status=503))
        for _ in range(3):
            await watch.check()
        assert reported(receiver) == [("database_away", "raised")] * 2  # the first did not arrive
        clock.now += REPEAT + 1
        await watch.check()
        assert reported(receiver)[2:] == [("database_away", "standing")]

        again = await Database.connect(database_url, max_size=1)
        database._pool = again._pool
        await watch.check()
        assert watch.well
        assert reported(receiver)[3:] == [("database_away", "over")]
        await again.close()


async def test_an_alarm_by_mail(database: Database) -> None:
    async with running_mailbox() as mailbox:
        smtp = SmtpSettings(
            host="127.0.0.1", port=mailbox.port, tls="none", sender="lockstitch@example.com", to=("ops@example.com",)
        )
        async with watching(database, AlertSettings(smtp=smtp)) as watch:
            await open_dead_letter(database)
            mailbox.refuses = True
            await watch.check()
            assert mailbox.mails == []
            mailbox.refuses = False
            await watch.check()
            (mail,) = mailbox.mails
            assert mailbox.recipients == ["ops@example.com"]
            assert mail["subject"] == "[Lockstitch] 1 dead letters are open."
            assert (mail["from"], mail["to"]) == ("lockstitch@example.com", "ops@example.com")
            assert mail["auto-submitted"] == "auto-generated"
            text = mail.get_content()
            assert f"link: {URL}/ops/dead-letters" in text
            assert "next step: lockstitch dead-letters list" in text


async def test_one_way_that_works_is_enough(database: Database) -> None:
    async with running_vendor() as receiver, running_mailbox() as mailbox:
        mailbox.refuses = True
        smtp = SmtpSettings(
            host="127.0.0.1", port=mailbox.port, tls="none", sender="l@example.com", to=("o@example.com",)
        )
        async with watching(database, AlertSettings(url=receiver.url, smtp=smtp)) as watch:
            await open_dead_letter(database)
            for _ in range(2):
                await watch.check()
            assert reported(receiver) == [("dead_letters", "raised")]


async def test_a_worker_without_a_target_claims_no_alarm(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        running_vendor() as receiver,
        watching(database, AlertSettings()) as mute,
        watching(database, AlertSettings(url=receiver.url)) as speaking,
    ):
        await open_dead_letter(database)
        with caplog.at_level("INFO", "lockstitch.alerts"):
            for _ in range(2):
                await mute.check()
            await sql(database, "DELETE FROM dead_letter")
            await mute.check()
        assert [record.getMessage() for record in caplog.records] == [
            "alarm raised: 1 dead letters are open.",
            "alarm over: 1 dead letters are open.",
        ]
        await open_dead_letter(database)
        await speaking.check()
        assert reported(receiver) == [("dead_letters", "raised")]


async def test_a_heartbeat_is_a_get_without_redirects() -> None:
    async with running_vendor() as switch:
        alerts = AlertSettings(heartbeat_url="env:SWITCH")
        environment = {"SWITCH": f"{switch.url}/ping/0b51a7"}
        async with open_alerting(alerts, installation=URL, secrets=Secrets(environment)) as alerter:
            switch.then(Reply(status=302, headers=(("location", switch.url),)), Reply(status=500))
            for _ in range(3):
                await alerter.heartbeat()
        assert switch.targets() == ["GET /ping/0b51a7"] * 3


@pytest.mark.parametrize(
    ("alerts", "environment", "said"),
    [
        (AlertSettings(url="env:HOOK"), {}, "HOOK"),
        (AlertSettings(heartbeat_url="env:HOOK"), {"HOOK": "ftp://x"}, "env:HOOK"),
        (
            AlertSettings(
                smtp=SmtpSettings(
                    host="m", sender="a@b.example", to=("c@d.example",), username="a", password="env:PASS"
                )
            ),
            {},
            "PASS",
        ),
    ],
)
async def test_a_reference_that_leads_nowhere_is_said_at_the_start(
    alerts: AlertSettings, environment: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        async with open_alerting(alerts, installation=URL, secrets=Secrets(environment)):
            raise AssertionError("it opened")


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


async def test_a_watcher_that_cannot_look_is_not_well(database: Database) -> None:
    async with watching(database, AlertSettings()) as watch:
        await watch.check()
        assert watch.well
        await sql(database, "ALTER TABLE subscription RENAME TO taken_away")
        with pytest.raises(asyncpg.UndefinedTableError):
            await watch.check()

        assert not watch.well


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
