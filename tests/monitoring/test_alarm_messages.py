"""Messages of alarms: one worker reports each trouble once, again while it lasts, and when it is over; also without a
database."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.monitoring.database_alarms import AWAY_SECONDS
from app.monitoring.models import Message
from app.monitoring.notify import open_alerting
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.postgres.database import Database
from app.settings.alerts import AlertSettings, SmtpSettings
from app.settings.briefs import Responsible
from app.settings.reading import SettingsError
from tests.encryption import SEALER
from tests.monitoring.mailbox import running_mailbox
from tests.monitoring.test_retention import sql
from tests.monitoring.watching import REPEAT, URL, Clock, open_dead_letter, reported, watching
from tests.vendors.vendor_server import OK, Reply, running_vendor


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


@pytest.mark.parametrize(
    ("alarm", "integrations"),
    [
        ("connection_paused.crm", ["signups"]),
        ("freshness_breached.crm.customer", ["signups"]),
        ("credential_due.crm.token", ["refunds"]),
        ("connection_paused.shop", []),
        ("dead_letters", []),
    ],
)
async def test_an_alarm_names_its_runbook_and_who_is_responsible(alarm: str, integrations: list[str]) -> None:
    people = {
        subject: (Responsible(integration=name, severity="critical", owner="growth", on_call="+1 555", runbook="r.md"),)
        for subject, name in {"crm": "signups", "crm.token": "refunds"}.items()
    }
    async with running_vendor() as receiver:
        alerts = AlertSettings(url=receiver.url, runbook="https://docs.example.com/runbook")
        async with open_alerting(alerts, installation=URL, secrets=Secrets({}), responsible=people) as alerter:
            now = datetime.now(UTC)
            message = Message(alarm=alarm, state="raised", summary="s", next_step="n", link=None, since=now)
            assert await alerter.send(message)
    body = json.loads(receiver.calls[-1].body)
    assert body["runbook"] == f"https://docs.example.com/runbook#{alarm.partition('.')[0]}"
    assert [one["integration"] for one in body["responsible"]] == integrations


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
            assert "2 open dead letters" in json.loads(receiver.calls[-1].body)["text"]
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
               VALUES ('dead_letters', '1 open dead letter.', 'a worker that is gone',
                       now() + interval '1 minute')""",
        )
        await watch.check()
        assert receiver.calls == []
        await sql(database, "UPDATE alert SET claimed_until = claimed_until - interval '61 seconds'")
        await watch.check()
        assert reported(receiver) == [("dead_letters", "raised")]


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
            assert mail["subject"] == "[Lockstitch] 1 open dead letter."
            assert (mail["from"], mail["to"]) == ("lockstitch@example.com", "ops@example.com")
            assert mail["auto-submitted"] == "auto-generated"
            text = mail.get_content()
            assert f"link: {URL}/console/dead-letters" in text
            assert "next step: Redrive or discard them: lockstitch dead-letters list" in text


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
            "alarm raised: 1 open dead letter.",
            "alarm over: 1 open dead letter.",
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
    ("alerts", "environment", "message"),
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
    alerts: AlertSettings, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        async with open_alerting(alerts, installation=URL, secrets=Secrets(environment)):
            raise AssertionError("it opened")


async def test_a_watcher_that_cannot_look_is_not_well(database: Database) -> None:
    async with watching(database, AlertSettings()) as watch:
        await watch.check()
        assert watch.well
        await sql(database, "ALTER TABLE subscription RENAME TO taken_away")
        with pytest.raises(asyncpg.UndefinedTableError):
            await watch.check()

        assert not watch.well
