"""`lockstitch doctor` and `lockstitch verify` find what is wrong, and say what to do."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands import lockstitch
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.otlp import Collector
from tests.contract.portal import Portal
from tests.contract.processes import Process
from tests.contract.samples import customer
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A HubSpot account."""
    portal = Portal()
    yield portal
    portal.close()


class Shell:
    """A shell with one connection, `crm`, to the portal."""

    def __init__(self, folder: Path, database_url: str, portal: Portal) -> None:
        self.environment = {
            "LOCKSTITCH_DATABASE_URL": database_url,
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "LOCKSTITCH_ENVIRONMENT": "prod",
            "LOCKSTITCH_CONFIG": str(folder / "lockstitch.toml"),
            "CRM_TOKEN": "a-token",
        }
        self._folder = folder
        self._connection = (
            f'[connections.crm]\nvendor = "hubspot"\nbase_url = "{portal.url}"\n'
            'credentials = { token = "env:CRM_TOKEN" }\n'
        )

    def __call__(
        self, *arguments: str, more: str = "", text: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, with `more` in the configuration and `text` as its standard input."""
        Path(self.environment["LOCKSTITCH_CONFIG"]).write_text(self._connection + more)
        return lockstitch(*arguments, columns=200, environment=self.environment | environment, text=text)

    def read_customers(self) -> None:
        """Read at `crm` through an API in this shell."""
        key = self("key", "create", f"key-{free_port()}", "--scope", "customers:read").stdout.strip()
        port = free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        api = Process(
            ["app.cli", "serve"],
            environment=own | self.environment | {"LOCKSTITCH_PORT": str(port), "LOCKSTITCH_PROBE_PORT": "0"},
            log=self._folder / "api.log",
            url=f"http://127.0.0.1:{port}",
            health="/health/ready",
        )
        api.start()
        with Caller(api.url, key) as caller:
            assert caller.get("/v1/customers?connection=crm").status_code == 200
        api.stop()


@pytest.fixture
def run(tmp_path: Path, database_url: str, portal: Portal) -> Shell:
    """A shell that runs commands."""
    return Shell(tmp_path, database_url, portal)


def found(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The findings by what they are about."""
    assert "Traceback" not in done.stderr, done.stderr
    return {f"{one['about']}: {one['found']}": one for one in json.loads(done.stdout)["findings"]}


def the(findings: Mapping[str, dict[str, str]], *words: str) -> dict[str, str]:
    """The one finding that has these words."""
    (one,) = [one for text, one in findings.items() if all(word in text for word in words)]
    return one


def test_a_sound_installation_has_no_findings(
    run: Shell, portal: Portal, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with working(database_url, tmp_path_factory) as _:
        done = run("doctor")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "error" not in done.stdout
        assert "ok       connection crm: the vendor answers and accepts the credential" in done.stdout
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
    findings = found(done)
    assert done.returncode == 1
    assert the(findings, "LOCKSTITCH_PORT is 'http'")["mend"].startswith("export LOCKSTITCH_PORT=")
    assert the(findings, "LOCKSTITCH_LOG_LEVEL")
    edit = f"edit {run.environment['LOCKSTITCH_CONFIG']}, then: lockstitch doctor"
    assert the(findings, "unknown table [oddity]")["mend"] == edit


def test_a_shell_without_the_configuration_file_is_not_sound(run: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    one = the(found(run("doctor", "--json", LOCKSTITCH_CONFIG=str(empty))), "configuration", "no connection")
    assert one["mend"].endswith("export LOCKSTITCH_CONFIG=/path/to/lockstitch.toml")
    for command in (("connect",), ("verify",), ("connections", "resume")):
        done = run(*command, "crm", LOCKSTITCH_CONFIG=str(empty))
        assert (done.returncode, "LOCKSTITCH_CONFIG" in done.stderr) == (2, True), done.stderr


def test_no_worker(run: Shell) -> None:
    assert the(found(run("doctor", "--json")), "no worker")["mend"] == "lockstitch worker"


def test_an_unmigrated_database(run: Shell, empty_database_url: str) -> None:
    findings = found(run("doctor", "--json", LOCKSTITCH_DATABASE_URL=empty_database_url))
    assert the(findings, "database", "migrations are missing")["mend"] == "lockstitch migrate"


def test_no_database_hides_no_other_finding(run: Shell, portal: Portal) -> None:
    portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": "no"})
    nowhere = f"postgresql://lockstitch@127.0.0.1:{free_port()}/lockstitch"
    more = app_connection("app", portal.url, "APP_SECRET")
    app = {"APP_ID": "an-id", "APP_SECRET": "a-secret"}
    done = run("doctor", "--json", more=more, LOCKSTITCH_DATABASE_URL=nowhere, **app)
    assert the(found(done), "database", "does not answer")["mend"].startswith("Start PostgreSQL")
    assert the(found(done), "scope is missing")
    assert "the vault cannot be read" in the(found(done), "connection app")["found"]
    assert [line for line in json.loads(done.stdout)["passed"] if "worker" in line or "key" in line] == []


def test_a_vault_that_the_encryption_keys_do_not_open_is_found(run: Shell, portal: Portal) -> None:
    more = static_connection("kept", portal.url, "vault:t")
    assert run("secrets", "set", "t", more=more, text="a-secret").returncode == 0
    other = f"k9:{ENCRYPTION_KEYS.partition(':')[2]}"
    findings = found(run("doctor", "--json", more=more, LOCKSTITCH_ENCRYPTION_KEYS=other))
    assert the(findings, "configuration", "does not open t")["mend"].endswith("lockstitch secrets status")
    assert "so vault:t was not checked" in the(findings, "connection kept")["found"]
    assert "Required, but not configured" in run("secrets", "status", LOCKSTITCH_ENCRYPTION_KEYS=other).stdout


def test_a_missing_scope_is_named_with_its_object(run: Shell, portal: Portal) -> None:
    scope = "This app has no access: it needs crm.objects.orders.read."
    portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": scope})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(found(run(*command)), "scope is missing", "orders", "crm.objects.orders.read")
        assert one["level"] == "warning"
        assert one["mend"].endswith("lockstitch verify crm")
    owner = '[systems_of_record]\norders = "crm"\n'
    done = run("verify", "crm", "--json", more=owner)
    assert the(found(done), "scope is missing")["level"] == "error"
    assert done.returncode == 1


def test_an_expired_token_is_found_and_pauses_nothing(run: Shell, portal: Portal) -> None:
    portal.answers["/"] = (401, {"category": "EXPIRED_AUTHENTICATION", "message": "expired"})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(found(run(*command)), "connection crm", "refuses the credential", "expired")
        assert one["level"] == "error"
        assert "env:CRM_TOKEN" in one["mend"]
    portal.answers.clear()
    assert run("verify", "crm").returncode == 0


@pytest.mark.parametrize(("ahead", "said"), [(300, "behind crm"), (-300, "ahead of crm")])
def test_a_wrong_clock_is_found_by_the_vendors(run: Shell, portal: Portal, ahead: int, said: str) -> None:
    portal.ahead = timedelta(seconds=ahead)
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(found(run(*command)), "clock", said)
        assert one["mend"] == "timedatectl set-ntp true"


def test_another_account_is_found(run: Shell, portal: Portal) -> None:
    assert run("verify", "crm").returncode == 0
    run.read_customers()
    portal.answers["account-info"] = (200, {"portalId": 2})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(found(run(*command)), "it opens the account portal 2, and belongs to portal 1")
        assert "lockstitch environment rebind crm" in one["mend"]
    assert run("environment", "rebind", "crm").returncode == 0
    assert run("verify", "crm").returncode == 0
    run.read_customers()
    assert run("verify", "crm").returncode == 0
    assert run("environment", "rebind", "nothing").returncode == 1


def test_two_connections_with_one_secret_are_found_by_name(run: Shell, portal: Portal) -> None:
    more = (
        f'[connections.other]\nvendor = "hubspot"\nbase_url = "{portal.url}"\n'
        'credentials = { token = "env:OTHER_TOKEN" }\n'
        '[connections.hooks]\nvendor = "github"\nwebhook_secrets = ["env:HOOK_SECRET"]\n'
    )
    done = run("doctor", "--json", more=more, OTHER_TOKEN="a-token", HOOK_SECRET="another")
    one = the(found(done), "env:CRM_TOKEN, env:OTHER_TOKEN", "crm, other")
    assert one["level"] == "warning"
    assert "a-token" not in done.stdout
    assert not [text for text in found(run("doctor", "--json", more=more, OTHER_TOKEN="b", HOOK_SECRET="c"))
                if text.startswith("secret")]  # fmt: skip


def test_commands_call_no_vendor_on_a_copy_of_another_environment(run: Shell, portal: Portal) -> None:
    more = static_connection("copied", portal.url, "vault:t")
    assert run("secrets", "set", "t", more=more, text="production's").returncode == 0
    run.read_customers()  # the first process stamps the database
    portal.calls.clear()
    wrong = the(found(run("doctor", "--json", more=more, LOCKSTITCH_ENVIRONMENT="staging")), "environment prod")
    assert wrong["mend"].endswith("only on a copy: lockstitch environment adopt")
    for command in (["verify", "copied"], ["verify", "copied", "--write"]):
        wrong = the(found(run(*command, "--json", more=more, LOCKSTITCH_ENVIRONMENT="staging")), "environment prod")
        assert wrong["mend"].endswith("only on a copy: lockstitch environment adopt")
    for command in (["rotate-key"], ["status"]):
        done = run("secrets", *command, LOCKSTITCH_ENVIRONMENT="staging")
        assert (done.returncode, "lockstitch environment adopt" in done.stderr) == (1, True), command
    app = app_connection("app", portal.url, "APP_SECRET")
    for command in (["connect", "app", "--paste"], ["connections"]):
        done = run(*command, more=app, LOCKSTITCH_ENVIRONMENT="staging", APP_ID="an-id", APP_SECRET="a-secret")
        assert "lockstitch environment adopt" in done.stderr, command
    assert portal.calls == []


def static_connection(name: str, url: str, reference: str) -> str:
    """The configuration of a connection with a token."""
    return (
        f'\n[connections.{name}]\nvendor = "hubspot"\nbase_url = "{url}"\ncredentials = {{ token = "{reference}" }}\n'
    )


def app_connection(name: str, url: str, secret: str) -> str:
    """The configuration of a connection that a person authorises."""
    return (
        f'\n[connections.{name}]\nvendor = "hubspot"\nbase_url = "{url}"\n'
        f'credentials = {{ client_id = "env:APP_ID", client_secret = "env:{secret}" }}\n'
    )


def test_a_connection_that_nobody_authorised_is_to_be_connected(run: Shell, portal: Portal) -> None:
    more = app_connection("app", portal.url, "APP_SECRET")
    done = run("doctor", "--json", more=more, APP_ID="an-id", APP_SECRET="a-secret")
    finding = the(found(done), "connection app", "it was not authorised yet")
    assert finding["mend"] == "lockstitch connect app"


def test_the_id_of_an_app_is_no_secret_that_connections_share(run: Shell, portal: Portal) -> None:
    more = app_connection("one", portal.url, "ONE_SECRET") + app_connection("two", portal.url, "TWO_SECRET")
    done = run("doctor", "--json", more=more, APP_ID="an-id", ONE_SECRET="a-secret", TWO_SECRET="another")
    assert [text for text in found(done) if "is used at" in text] == []


def test_missing_secrets_are_reported_by_name(run: Shell) -> None:
    more = '[connections.hooks]\nvendor = "github"\nwebhook_secrets = ["env:HOOK_SECRET", "vault:hooks"]\n'
    findings = found(run("doctor", "--json", more=more, CRM_TOKEN=""))
    assert the(findings, "connection crm", "CRM_TOKEN")["mend"].endswith("export CRM_TOKEN=…")
    assert the(findings, "connection hooks", "HOOK_SECRET")
    assert the(findings, "connection hooks", "vault:hooks")["mend"] == "lockstitch secrets set hooks"


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
    findings = found(done)
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


def test_a_secret_that_the_vault_lacks_is_to_be_set(run: Shell, portal: Portal) -> None:
    more = static_connection("kept", portal.url, "vault:kept")
    more += f'\n[connections.app]\nvendor = "medusa"\nbase_url = "{portal.url}"\n'
    more += 'credentials = { email = "env:APP_ID", password = "vault:app" }\n'
    for name, mend in (
        ("kept", "lockstitch secrets set kept"),  # which resumes it, unless an operator has paused it
        ("app", "lockstitch secrets set app && lockstitch connect app"),
    ):
        findings = found(run("verify", name, "--json", more=more, APP_ID="an-id"))
        assert the(findings, f"connection {name}: ", f"vault:{name} holds no secret")["mend"] == mend


def test_an_unreachable_collector_is_found(run: Shell) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    one = the(found(run("doctor", "--json", OTEL_EXPORTER_OTLP_ENDPOINT=nowhere)), "collector", "is not reached")
    assert nowhere in one["mend"]
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": nowhere, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert the(found(run("doctor", "--json", **grpc)), "collector", "is not reached")
    collector = Collector()
    assert "the collector answers" in run("doctor", **collector.environment).stdout
    collector.close()


def test_an_unreachable_vendor_is_found(run: Shell, portal: Portal) -> None:
    portal.close()
    one = the(found(run("doctor", "--json")), "connection crm", "is not reached")
    assert one["mend"].endswith(portal.url)


def test_records_that_do_not_map_unknown_values_and_a_wrong_time_zone(run: Shell, portal: Portal) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    past = "2026-01-01T00:00:00.000Z"
    portal.answers["/crm/v3/objects/contacts"] = (
        200,
        {
            "results": [
                {"id": "1", "properties": {"email": "ann@example.com"}, "createdAt": past, "updatedAt": soon},
                {"id": 2, "properties": {"email": "bo@example.com"}, "createdAt": past, "updatedAt": past},
                {"id": "3", "properties": {"lifecyclestage": "1234567"}, "createdAt": past, "updatedAt": past},
            ]
        },
    )
    done = run("verify", "crm", "--json")
    assert done.returncode == 1
    assert "lockstitch map hubspot.customer" in the(found(done), "customer", "1 of 3 records cannot be mapped")["mend"]
    # Fields that HubSpot does not have, such as tax_exemption, hold no unknown value.
    (one,) = [one for text, one in found(done).items() if "does not know" in text]
    assert one["found"].startswith("lifecycle_stage of 1 of 2 records")
    assert one["mend"].endswith("in lifecycle_stage_raw: GET /v1/customers/crm:3")
    assert "time zone" in the(found(done), "2.0 h in the future", "such as 1")["found"]


def test_a_connection_that_is_not_called_cannot_be_verified(run: Shell) -> None:
    done = run("verify", "nothing")
    assert done.returncode == 2
    assert "crm" in done.stderr


def test_a_paused_connection_is_reported_and_not_called(facade: Facade, vendors: Emulators, full_key: str) -> None:
    with facade.calling(secret=full_key) as caller:
        assert caller.post("/ops/connections/other-zendesk/pause", json={"note": "moving"}).status_code == 200
    done = facade.lockstitch("doctor", "--json")
    mend = the(found(done), "connection other-zendesk", "moving")["mend"]
    assert mend == "lockstitch connections resume other-zendesk"
    assert facade.lockstitch(*mend.split()[1:]).returncode == 0
    assert [text for text in found(facade.lockstitch("doctor", "--json")) if "moving" in text] == []
    (event, *_) = facade.sql("SELECT actor FROM audit_event WHERE type = 'connection.resumed' ORDER BY id DESC")
    assert event["actor"].startswith("cli:")
    again = facade.lockstitch(*mend.split()[1:])
    assert (again.returncode, "forgets its throttles and failures" in again.stdout) == (0, True)
    unknown = facade.lockstitch("connections", "resume", "nowhere")
    assert (unknown.returncode, "other-zendesk" in unknown.stderr) == (2, True)


def test_a_key_with_ops_scopes_that_makes_canonical_calls_is_named(facade: Facade) -> None:
    made = facade.make_key("customers:read", "ops:read", name="too-much")
    with facade.another_api() as process, facade.calling(url=process.url, secret=made.secret) as caller:
        assert caller.get("/v1/customers?connection=hubspot&limit=1").status_code == 200
    one = the(found(facade.lockstitch("doctor", "--json")), "key too-much", "customers:read")
    assert one["mend"].endswith(": lockstitch key create too-much-calls --scope customers:read")


@pytest.mark.parametrize("connection", ["hubspot", "shopify", "zendesk"])
def test_an_emulated_account_verifies_and_is_left_as_it_was(
    facade: Facade, vendors: Emulators, connection: str, full_key: str
) -> None:
    with facade.calling(secret=full_key) as caller:
        caller.create(f"/v1/customers?connection={connection}", customer(connection))
    before = vendors.calls(connection)  # type: ignore[arg-type]
    done = facade.lockstitch("verify", connection)
    assert done.returncode == 0, done.stdout
    assert "does not know" not in done.stdout
    made = vendors.calls(connection)[len(before) :]  # type: ignore[arg-type]
    assert made
    assert {call["method"] for call in made} <= {"GET", "POST"}
    assert not [call for call in made if "mutation" in str(call["body"])]


def test_a_written_record_is_marked_read_back_and_removed(facade: Facade, vendors: Emulators) -> None:
    before = {record["id"] for record in vendors.records("hubspot", "contacts")}
    done = facade.lockstitch("verify", "hubspot", "--write", "--json")
    assert done.returncode == 0, done.stdout
    (line,) = [one for one in json.loads(done.stdout)["passed"] if "was written, read back and removed" in one]
    marker = line.partition("marked ")[2].partition(",")[0]
    assert marker.startswith("op_")
    created = [call for call in vendors.calls("hubspot") if marker in str(call["body"])]
    assert [call["method"] for call in created] == ["POST"]
    left = [record for record in vendors.records("hubspot", "contacts") if record["id"] not in before]
    assert all(record.get("archived") for record in left)
