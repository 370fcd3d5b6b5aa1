"""`lockstitch doctor` finds what is wrong with an installation, and says what to do."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.commands import exits
from tests.contract.doctor.shell import Shell, app_connection, findings_of, static_connection, the
from tests.contract.facade import Facade
from tests.contract.otlp import Collector
from tests.contract.portal import Portal
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port


def test_a_sound_installation_has_no_findings(
    run: Shell, portal: Portal, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with working(database_url, tmp_path_factory) as _:
        done = run("doctor")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "error" not in done.stdout
        assert "ok       connection crm: the vendor answers and accepts the credential" in done.stdout
        assert "ok       pulls of crm: customers, orders, tickets every 5m" in done.stdout
        assert "collector" not in done.stdout  # none is configured
    assert {call for _, call in portal.calls if call.startswith("POST")} <= {
        f"POST /crm/v3/properties/{kind}/batch/read" for kind in ("contacts", "tickets", "orders")
    }


@contextmanager
def working(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run a worker on the database."""
    facade = Facade(tmp_path_factory.mktemp("work"), database_url, LOCKSTITCH_ENVIRONMENT="prod")
    worker = facade.process("worker")
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def test_every_complaint_about_the_configuration_is_reported_at_once(run: Shell) -> None:
    done = run("doctor", "--json", more="[oddity]\nx = 1\n", LOCKSTITCH_PORT="http", LOCKSTITCH_LOG_LEVEL="loud")
    findings = findings_of(done)
    assert done.returncode == 1
    assert the(findings, "LOCKSTITCH_PORT is 'http'")["mend"].startswith("export LOCKSTITCH_PORT=")
    assert the(findings, "LOCKSTITCH_LOG_LEVEL")
    edit = f"edit {run.environment['LOCKSTITCH_CONFIG']}, then: lockstitch doctor"
    assert the(findings, "unknown table [oddity]")["mend"] == edit


def test_a_shell_without_the_configuration_file_is_not_sound(run: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    one = the(findings_of(run("doctor", "--json", LOCKSTITCH_CONFIG=str(empty))), "configuration", "no connection")
    assert one["mend"].endswith("export LOCKSTITCH_CONFIG=/path/to/lockstitch.toml")
    for command in (("connect",), ("verify",), ("connections", "resume")):
        done = run(*command, "crm", LOCKSTITCH_CONFIG=str(empty))
        assert (done.returncode, "LOCKSTITCH_CONFIG" in done.stderr) == (1, True), done.stderr


def test_no_worker(run: Shell) -> None:
    assert the(findings_of(run("doctor", "--json")), "no worker")["mend"] == "lockstitch worker"


def test_an_unmigrated_database(run: Shell, empty_database_url: str) -> None:
    findings = findings_of(run("doctor", "--json", LOCKSTITCH_DATABASE_URL=empty_database_url))
    assert the(findings, "database", "migrations are missing")["mend"] == "lockstitch migrate"


def test_no_database_hides_no_other_finding(run: Shell, portal: Portal) -> None:
    portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": "no"})
    nowhere = f"postgresql://lockstitch@127.0.0.1:{free_port()}/lockstitch"
    more = app_connection("app", portal.url, "APP_SECRET")
    app = {"APP_ID": "an-id", "APP_SECRET": "a-secret"}
    done = run("doctor", "--json", more=more, LOCKSTITCH_DATABASE_URL=nowhere, **app)
    assert the(findings_of(done), "database", "does not answer")["mend"].startswith("Start PostgreSQL")
    assert the(findings_of(done), "scope is missing")
    assert "the vault cannot be read" in the(findings_of(done), "connection app")["found"]
    assert [line for line in json.loads(done.stdout)["passed"] if "worker" in line or "key" in line] == []


def test_a_refused_login_is_not_called_a_query(run: Shell) -> None:
    url = urlsplit(run.environment["LOCKSTITCH_DATABASE_URL"])._replace(path="/no_such").geturl()
    sentence = exits(run("key", "list", LOCKSTITCH_DATABASE_URL=url), 1).stderr
    assert (
        sentence
        == 'The database refuses the login: database "no_such" does not exist. Correct LOCKSTITCH_DATABASE_URL.\n'
    )


def test_a_locked_table_is_named_within_seconds(run: Shell, portal: Portal) -> None:
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(run.environment["LOCKSTITCH_DATABASE_URL"]))
        runner.run(holder.execute("BEGIN; LOCK TABLE dead_letter, credential_version, schema_migration"))
        try:
            began = time.monotonic()
            for command in (("dead-letters", "list"), ("secrets", "status"), ("migrate", "--wait", "0")):
                sentence = exits(run(*command), 1).stderr
                assert "transaction that stays open holds a lock" in sentence, sentence
                assert "pg_stat_activity" in sentence
            portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": "no"})
            findings = findings_of(run("doctor", "--json"))
            assert time.monotonic() - began < 60
        finally:
            runner.run(holder.close())
    the(findings, "database", "transaction that stays open holds a lock")
    the(findings, "scope is missing")


def test_a_database_that_stops_answering_hides_nothing_before_it(run: Shell) -> None:
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(run.environment["LOCKSTITCH_DATABASE_URL"]))
        runner.run(holder.execute("BEGIN; LOCK TABLE heartbeat"))
        done = run("doctor", "--json")
        runner.run(holder.close())
    the(findings_of(done), "database", "transaction that stays open holds a lock")
    assert "the configuration is valid" in json.loads(done.stdout)["passed"]


def test_a_vault_that_the_encryption_keys_do_not_open_is_found(run: Shell, portal: Portal) -> None:
    more = static_connection("kept", portal.url, "vault:t")
    assert run("secrets", "set", "t", more=more, text="a-secret").returncode == 0
    other = f"k9:{ENCRYPTION_KEYS.partition(':')[2]}"
    findings = findings_of(run("doctor", "--json", more=more, LOCKSTITCH_ENCRYPTION_KEYS=other))
    assert the(findings, "configuration", "does not open t")["mend"].endswith("lockstitch secrets status")
    assert "so vault:t was not checked" in the(findings, "connection kept")["found"]
    assert "Required, but not configured" in run("secrets", "status", LOCKSTITCH_ENCRYPTION_KEYS=other).stdout


def test_a_secret_beyond_its_age_is_found(run: Shell) -> None:
    assert run("secrets", "set", "old", "--max-age", "1d", text="a-secret").returncode == 0
    age = "UPDATE credential_version SET created_at = created_at - interval '2 days'"
    run.sql(age)
    one = the(findings_of(run("doctor", "--json")), "alarm credential_due.old", "has reached its maximum age")
    assert one["mend"] == "lockstitch secrets rotate old"


def test_commands_call_no_vendor_on_a_copy_of_another_environment(run: Shell, portal: Portal) -> None:
    more = static_connection("copied", portal.url, "vault:t")
    assert run("secrets", "set", "t", more=more, text="production's").returncode == 0
    run.read_customers()  # the first process stamps the database
    portal.calls.clear()
    wrong = the(findings_of(run("doctor", "--json", more=more, LOCKSTITCH_ENVIRONMENT="staging")), "environment prod")
    assert wrong["mend"].endswith("only on a copy: lockstitch environment adopt")
    for command in (["verify", "copied"], ["verify", "copied", "--write"]):
        wrong = the(
            findings_of(run(*command, "--json", more=more, LOCKSTITCH_ENVIRONMENT="staging")), "environment prod"
        )
        assert wrong["mend"].endswith("only on a copy: lockstitch environment adopt")
    for command in (["rotate-key"], ["status"]):
        done = run("secrets", *command, LOCKSTITCH_ENVIRONMENT="staging")
        assert (done.returncode, "lockstitch environment adopt" in done.stderr) == (1, True), command
    app = app_connection("app", portal.url, "APP_SECRET")
    for command in (["connect", "app", "--paste"], ["connections"]):
        done = run(*command, more=app, LOCKSTITCH_ENVIRONMENT="staging", APP_ID="an-id", APP_SECRET="a-secret")
        assert "lockstitch environment adopt" in done.stderr, command
    assert portal.calls == []


def test_every_finding_ends_with_a_command_that_exists(run: Shell, portal: Portal, tmp_path: Path) -> None:
    portal.answers["/"] = (401, {"category": "EXPIRED_AUTHENTICATION", "message": "expired"})
    more = "".join(
        static_connection(name, url, reference)
        for name, url, reference in (
            ("dead", "http://127.0.0.1:9", "env:SHARED"),
            ("kept", portal.url, "vault:kept"),
            ("missing", portal.url, "vault:missing"),
            ("shared", portal.url, "env:SHARED"),
            ("filed", portal.url, f"file:{tmp_path}/token"),
            ("unfiled", portal.url, f"file:{tmp_path}/no-token"),
        )
    )
    more += app_connection("app", portal.url, "APP_SECRET") + app_connection("lost", portal.url, "LOST_SECRET")
    more += app_connection("grantless", portal.url, "APP_SECRET").replace("hubspot", "salesforce")
    (tmp_path / "token").write_text("another")
    assert run("secrets", "set", "kept", more=more, text="a-secret").returncode == 0
    wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "LOCKSTITCH_ENVIRONMENT": ""}
    done = run("doctor", "--json", more=more, SHARED="shared", APP_ID="an-id", APP_SECRET="a-secret", **wrong)
    findings = findings_of(done)
    names = ("crm", "dead", "kept", "missing", "shared", "filed", "unfiled", "app", "lost")
    others = ("configuration: LOCKSTITCH_ENVIRONMENT", "worker", "collector", "secret env:SHARED")
    for about in (*others, *(f"connection {name}: " for name in names)):
        assert the(findings, about)
    assert the(findings, "[connections.grantless] lacks grant")
    for one in findings.values():
        check_command(run, one["mend"])


def check_command(run: Shell, mend: str) -> None:
    """The mend ends with a command that a shell takes as it stands; those of Lockstitch exist."""
    command = mend.rpartition(": ")[2]
    assert subprocess.run(["bash", "-n", "-c", command], check=False).returncode == 0, mend
    for each in command.split(" && "):
        assert each.startswith(("lockstitch ", "export ", "curl ", "timedatectl ", "(umask 077; cat > ")), mend
        assert "," not in each, mend
        if each.startswith("lockstitch "):
            assert run(*each.split()[1:], "--help").returncode == 0, mend


def test_an_unreachable_collector_is_found(run: Shell) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    one = the(findings_of(run("doctor", "--json", OTEL_EXPORTER_OTLP_ENDPOINT=nowhere)), "collector", "is not reached")
    assert nowhere in one["mend"]
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": nowhere, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert the(findings_of(run("doctor", "--json", **grpc)), "collector", "is not reached")
    collector = Collector()
    assert "the collector answers" in run("doctor", **collector.environment).stdout
    collector.close()
