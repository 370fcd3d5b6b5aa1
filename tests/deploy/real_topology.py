"""The services of docker-compose.yml as processes of this machine, with its commands, settings, secrets and checks.

What containers would add is replaced: hosts by ports of this machine, and /run/secrets by a folder.
"""

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.postgres.embedded_owner import choose_owner, find_binaries
from tests.commands import lockstitch
from tests.contract.callers import Caller
from tests.contract.facade import vendors_in
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.deploy.files import ROOT, compose
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port

SERVICES: Final[dict[str, Any]] = compose()["services"]
PERSON: Final = {"first_name": "Ines", "emails": [{"address": "ines@example.com"}]}


class Stack:
    """Two API and two worker processes over one database."""

    def __init__(self, folder: Path, database_url: str, vendors_url: str) -> None:
        self.folder = folder
        (folder / "database_url").write_text(f"{database_url}\n")
        (folder / "encryption_keys").write_text(f"{ENCRYPTION_KEYS}\n")
        (folder / "token").write_text("hubspot-dev-token\n")
        (folder / "lockstitch.toml").write_text(
            f'[connections.crm]\nvendor = "hubspot"\nbase_url = "{vendors_url}/hubspot"\n'
            f'credentials = {{ token = "file:{folder}/token" }}\n'
            '[systems_of_record]\ncustomers = "crm"\n[pull]\nevery = "off"\n'
        )
        self.environment = self._environment_of("api")
        self.apis = self._processes("api")
        self.workers = self._processes("worker")

    def command(self, *arguments: str) -> str:
        """Run a command of Lockstitch as `docker compose run --rm migrate …` would, and return what it prints."""
        done = lockstitch(*arguments, environment=self.environment, columns=200)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def check(self, service: str, process: Process) -> int:
        """Run the health check of a service against one of its processes, and return the exit code."""
        words: list[str] = SERVICES[service]["healthcheck"]["test"]
        port = {"api": "8082", "worker": "8081"}[service]
        assert words[:2] == ["CMD", "python"]
        code = words[3].replace(f"127.0.0.1:{port}", process.url.removeprefix("http://"))
        return subprocess.run([sys.executable, "-c", code], check=False, stderr=subprocess.DEVNULL).returncode

    def _environment_of(self, service: str) -> dict[str, str]:
        own = {name: value or "" for name, value in SERVICES[service]["environment"].items()}
        assert own.pop("LOCKSTITCH_CONFIG") == "/etc/lockstitch/lockstitch.toml"
        assert own.pop("OTEL_EXPORTER_OTLP_ENDPOINT") == "http://jaeger:4317"
        placed = {name: value.replace("/run/secrets", str(self.folder)) for name, value in own.items()}
        return placed | {"LOCKSTITCH_CONFIG": str(self.folder / "lockstitch.toml")}

    def _processes(self, service: str) -> list[Process]:
        return [self._process(service, number) for number in range(SERVICES[service]["deploy"]["replicas"])]

    def _process(self, service: str, number: int) -> Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        probe = free_port()
        ports = {"LOCKSTITCH_PORT": free_port(), "LOCKSTITCH_PROBE_PORT": probe, "LOCKSTITCH_WORKER_PORT": probe}
        return Process(
            ["app.cli", *SERVICES[service]["command"]],
            environment=inherited | self._environment_of(service) | {name: str(port) for name, port in ports.items()},
            log=self.folder / f"{service}-{number}.log",
            url=f"http://127.0.0.1:{probe}",
            health="/health/ready",
        )

    @staticmethod
    def address(process: Process) -> str:
        """The URL of an API process for callers."""
        return f"http://127.0.0.1:{process.environment['LOCKSTITCH_PORT']}"


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[str]:
    """The URL of the service `proxy`: HAProxy with deploy/haproxy.cfg and the certificate of deploy/make-secrets.

    What Docker's DNS would give it, the addresses of the replicas, stands in its file instead.
    """
    copy = stack.folder / "copy"
    (copy / "deploy").mkdir(parents=True)
    shutil.copy(ROOT / "deploy/make-secrets", copy / "deploy")
    shutil.copy(ROOT / "lockstitch.example.toml", copy)
    subprocess.run([copy / "deploy/make-secrets", "localhost"], check=True, stdout=subprocess.DEVNULL)
    port, template = free_port(), re.compile(r"^ *server-template .*$", re.M)
    text = (ROOT / "deploy/haproxy.cfg").read_text().replace("/run/secrets", str(copy / "secrets"))
    servers = "\n".join(
        f"  server api{number} {stack.address(api).removeprefix('http://')} check port {api.url.rpartition(':')[2]}"
        for number, api in enumerate(stack.apis)
    )
    assert len(template.findall(text)) == 1
    configuration = stack.folder / "haproxy.cfg"
    configuration.write_text(template.sub(servers, text).replace("bind :8443", f"bind 127.0.0.1:{port}"))
    with (stack.folder / "haproxy.log").open("wb") as log:
        running = subprocess.Popen(["haproxy", "-db", "-f", configuration], stdout=log, stderr=log)
    url = f"https://localhost:{port}"
    try:
        until(lambda: _status_of(url, copy / "secrets/proxy.pem") == 401)
        yield url
    finally:
        running.terminate()
        running.wait(60)


def _status_of(url: str, certificate: Path) -> int:
    try:
        return httpx.get(f"{url}/v1/customers", verify=ssl.create_default_context(cafile=str(certificate))).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, lively_postgres_url: str) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    name = lively_postgres_url.replace("/lockstitch?", "/topology?")
    assert name != lively_postgres_url
    psql(lively_postgres_url, "CREATE DATABASE topology TEMPLATE template0")
    vendors = vendors_in(folder)
    stack = Stack(folder, name, vendors.url)
    processes = [vendors, *stack.apis, *stack.workers]
    try:
        vendors.start()
        assert "The database is up to date." in stack.command(*SERVICES["migrate"]["command"])
        for process in processes[1:]:
            process.start()
        yield stack
    finally:
        for process in reversed(processes):
            process.stop()
        psql(lively_postgres_url, "DROP DATABASE topology WITH (FORCE)")


def psql(url: str, statement: str) -> str:
    """Run one statement, and return its only value."""
    return subprocess.check_output([binary("psql"), "-qAtX", url, "-c", statement], text=True).strip()


def binary(program: str) -> Path:
    """A program of PostgreSQL."""
    return Path(find_binaries(choose_owner(Path(tempfile.gettempdir())))) / program


def test_each_health_check_passes_and_notices_an_end(stack: Stack) -> None:
    for service, processes in (("api", stack.apis), ("worker", stack.workers)):
        assert [stack.check(service, process) for process in processes] == [0, 0]
    stack.workers[1].stop()
    assert stack.check("worker", stack.workers[1]) != 0
    stack.workers[1].start()


def test_one_api_replays_what_the_other_did_and_a_killed_one_is_not_missed(stack: Stack) -> None:
    secret = stack.command("key", "create", "n8n", "--scope", "customers:read", "--scope", "customers:write").strip()
    first, second = (Caller(stack.address(api), secret) for api in stack.apis)
    with first, second:
        made = first.write("POST", "/v1/customers", PERSON, key="signup-1")
        assert made.status_code == 201, made.text
        replayed = second.write("POST", "/v1/customers", PERSON, key="signup-1")
        assert (replayed.content, replayed.headers["idempotent-replayed"]) == (made.content, "true")
        stack.apis[0].kill()
        stack.workers[0].kill()
        queued = second.write(
            "PATCH", f"/v1/customers/{made.json()['id']}", {"job_title": "Binder"}, headers={"prefer": "respond-async"}
        )
        assert second.settled(queued)["state"] == "succeeded"
    stack.apis[0].start()
    stack.workers[0].start()


def test_the_proxy_speaks_tls_and_leaves_out_a_dead_api(stack: Stack, proxy: str) -> None:
    """Every write succeeds, or is refused by the proxy as a problem that says to repeat it."""
    secret = stack.command("key", "create", "zapier", "--scope", "customers:read", "--scope", "customers:write").strip()
    trusted = ssl.create_default_context(cafile=str(stack.folder / "copy/secrets/proxy.pem"))
    with httpx.Client(
        base_url=proxy, verify=trusted, headers={"authorization": f"Bearer {secret}"}, timeout=60
    ) as http:
        addresses = [f"ines.{number}@example.com" for number in range(8)]
        for number, address in enumerate(addresses):
            if number == 2:
                stack.apis[1].kill()

            def write(key: str = f"through-{number}", address: str = address) -> httpx.Response:
                body = {**PERSON, "emails": [{"address": address}]}
                return http.post("/v1/customers", json=body, headers={"idempotency-key": key})

            answer = until(write, lambda answer: answer.status_code == 201 or not answer.json().get("retryable"))
            assert answer.status_code == 201, answer.text
        listed = http.get("/v1/customers", params={"limit": "50"}).json()["data"]
    stored = sorted(one["address"] for person in listed for one in person["emails"])
    assert [address for address in stored if address in addresses] == addresses
    stack.apis[1].start()


def test_prometheus_reads_each_process_at_its_probe_port(stack: Stack) -> None:
    key = stack.command("key", "create", "prometheus", "--scope", "ops:read").strip()
    for process in (*stack.apis, *stack.workers):
        answer = httpx.get(f"{process.url}/metrics", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        assert "lockstitch_database_up 1.0" in answer.text


def test_a_backup_is_restored_and_its_audit_trail_verified(
    stack: Stack, lively_postgres_url: str, tmp_path: Path
) -> None:
    """The script of the service `backup`; its oldest dumps go, and one that fails leaves the others."""
    stack.command("key", "create", "in-the-backup", "--scope", "ops:read")
    url = (stack.folder / "database_url").read_text().strip()
    environment = {
        "PATH": f"{binary('pg_dump').parent}:{os.environ['PATH']}",
        "BACKUP_FOLDER": str(tmp_path),
        "BACKUP_KEEP": "2",
        "DATABASE_URL_FILE": str(stack.folder / "database_url"),
    }
    for day in ("20200101", "20200102", "20200103"):
        (tmp_path / f"lockstitch-{day}T000000Z.dump").write_text("")
    script = ["sh", str(ROOT / "deploy/backup.sh"), "once"]
    subprocess.run(script, env=environment, check=True, stdout=subprocess.DEVNULL)
    failed = {**environment, "DATABASE_URL_FILE": str(stack.folder / "token")}
    assert subprocess.run(script, env=failed, check=False, capture_output=True).returncode != 0
    kept = sorted(file.name for file in tmp_path.glob("*.dump"))
    assert kept[0] == "lockstitch-20200103T000000Z.dump"
    assert len(kept) == 2

    restored = url.replace("/topology?", "/restored?")
    psql(lively_postgres_url, "CREATE DATABASE restored TEMPLATE template0")
    try:
        dump = tmp_path / kept[1]
        subprocess.run([binary("pg_restore"), "--exit-on-error", f"--dbname={restored}", dump], check=True)
        verified = lockstitch("audit", "verify", environment={**stack.environment, "LOCKSTITCH_DATABASE_URL": restored})
        assert verified.returncode == 0, verified.stderr
        keys = "SELECT string_agg(id, ',' ORDER BY id) FROM api_key"
        assert psql(restored, keys) == psql(url, keys) != ""
    finally:
        psql(lively_postgres_url, "DROP DATABASE restored WITH (FORCE)")
