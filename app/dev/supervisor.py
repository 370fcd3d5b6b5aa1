"""The supervisor starts PostgreSQL, the emulators, the API and the worker, keeps them running, and stops them in order.

Each runs in its own process and is restarted after a `kill -9`. If the supervisor itself is killed with -9, the kernel
ends them (`app.child_process`), and the next start continues with the data.
"""

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from app.api_keys.store import SCOPES, ApiKeyError, PostgresKeys
from app.dev.children import Child, ChildSpec
from app.dev.folder import EMULATED, EMULATOR_CREDENTIALS, DevFolder, DevKeys, secret_variable
from app.errors import Complaint
from app.postgres.database import Database
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.environment_stamp import claim
from app.postgres.migrate import migrate
from app.settings.environment import Settings, load_settings

LOCALHOST = "127.0.0.1"
READY_WITHIN = 60.0  # seconds; long, because a loaded machine starts slowly
STOP_ORDER = (  # with the seconds that each has to finish its work
    (("api", "worker"), 20.0),
    (("emulators",), 10.0),
    (("postgres",), 10.0),
)
PREDECESSOR_GONE_WITHIN = 3.0  # seconds for the children of a killed supervisor to release their ports
WELCOME = """
Lockstitch is ready ({seconds:.1f} s). Press Ctrl-C to stop it; the data is kept.

  API         {api}  (browse it at {api}/schema)
  Console     {api}/console  (sign in with the operators' key)
  Emulators   {emulators}  (freshdesk, hubspot, salesforce, shopify, stripe, woocommerce, zendesk)
  Database    {database}
  Key         {key}
  Operators   {ops_key}
  Folder      {folder}  (logs/ has one file per process; dev.json has all of the above)

Create a customer in HubSpot. Repeat the same call, and the recorded answer is replayed:

  curl -i {api}/v1/customers \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: first-customer' \\
    -d '{{"first_name": "Ada", "last_name": "Byron", "emails": [{{"address": "ada@example.com"}}]}}'

List the records in the HubSpot emulator:

  curl '{emulators}/_emulator/records?vendor=hubspot&object=contacts'
"""


def run_dev(environment: Mapping[str, str]) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP. Raises Complaint if it cannot start."""
    if find_spec("graphql") is None:
        raise Complaint("The emulators need graphql-core, which is not installed: pip install 'lockstitch[local]'.")
    # A shell starts background processes with SIGINT ignored; restore the default handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings = load_settings(environment)
    folder = DevFolder(settings.data_dir)
    _require_free_ports(settings)
    postgres = None if settings.database_url else EmbeddedPostgres(folder.path / "postgres")
    if postgres is not None:
        postgres.prepare()
    try:
        asyncio.run(_Supervisor(settings, folder, postgres, environment).run())
    finally:
        folder.withdraw_announcement()


class _Supervisor:
    def __init__(
        self, settings: Settings, folder: DevFolder, postgres: EmbeddedPostgres | None, environment: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._postgres = postgres
        self._database_url = settings.database_url or (postgres.url if postgres else "")
        self._environment = dict(environment)
        # The configuration file refers to the variable, so the operator's value takes precedence.
        self._webhook_secrets = {
            connection: environment.get(secret_variable(connection)) or secret
            for connection, secret in folder.webhook_secrets().items()
        }
        config = settings.config_file or folder.write_config(f"http://{LOCALHOST}:{settings.emulators_port}")
        self._config = str(Path(config).absolute())
        self._children: list[Child] = []
        self._console = Console(highlight=False, soft_wrap=True, markup=False)

    async def run(self) -> None:
        """Start, wait for a stop signal, and stop. A second signal kills the remaining children."""
        began = time.monotonic()
        stop = self._listen_for_signals()
        starting = asyncio.create_task(self._start(began))
        waiting = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await waiting
        finally:
            await self._stop(starting, waiting)

    def _listen_for_signals(self) -> asyncio.Event:
        stop = asyncio.Event()

        def on_signal() -> None:
            if stop.is_set():
                for child in self._children:
                    child.kill()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        return stop

    async def _start(self, began: float) -> None:
        emulators = self._begin("emulators", self._emulators_command(), self._environment_of_emulators())
        if self._postgres is not None:
            await self._start_postgres(self._postgres)
        await migrate(self._database_url, wait_seconds=READY_WITHIN, report=self._console.print)
        keys = await _ensure_keys(self._database_url, self._folder, self._settings.environment)
        environment = self._environment_of_lockstitch()
        api = self._begin("api", _lockstitch("serve"), environment)
        self._begin("worker", _lockstitch("worker"), environment)
        await api.wait_until(_answers(self._settings.port, "/health/ready"), READY_WITHIN)
        await emulators.wait_until(_answers(self._settings.emulators_port, "/_emulator/health"), READY_WITHIN)
        facts = self._facts(keys)
        self._folder.announce(facts)
        # The operator's URL may contain a password; the embedded server's does not.
        database = self._postgres.url if self._postgres else "the one in LOCKSTITCH_DATABASE_URL"
        self._console.print(welcome(facts, database, self._folder.path, time.monotonic() - began))

    async def _start_postgres(self, postgres: EmbeddedPostgres) -> None:
        spec = ChildSpec(
            name="postgres",
            command=postgres.command,
            environment=postgres.environment,
            log=self._folder.log("postgres"),
            stop_signal=signal.SIGINT,  # "fast" shutdown: ends sessions and writes a checkpoint
            process=postgres.process,
            can_start=lambda: not postgres.is_in_use(),
        )

        async def is_ready(child: Child) -> bool:
            return child.pid is not None and postgres.is_ready(child.pid)

        await self._add(spec).wait_until(is_ready, READY_WITHIN)

    def _begin(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        return self._add(ChildSpec(name=name, command=command, environment=environment, log=self._folder.log(name)))

    def _add(self, spec: ChildSpec) -> Child:
        child = Child(spec, self._console.print)
        self._children.append(child)
        child.start()
        return child

    async def _stop(self, *tasks: "asyncio.Task[object]") -> None:
        """Stop the children in order: the API and the worker before what they write to."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._folder.withdraw_announcement()
        for names, seconds in STOP_ORDER:
            await asyncio.gather(*(child.stop(seconds) for child in self._children if child.spec.name in names))

    def _emulators_command(self) -> list[str]:
        return [
            *(sys.executable, "-P", "-m", "emulators", "--host", LOCALHOST),
            *("--port", str(self._settings.emulators_port), "--state", str(self._folder.path / "emulators")),
            "--die-with-parent",
            *("--webhooks", *(f"{name}={self._settings.public_url}/v1/webhooks/{name}" for name in EMULATED)),
        ]

    def _environment_of_emulators(self) -> dict[str, str]:
        secrets = {f"EMULATOR_{name.upper()}_WEBHOOK_SECRET": self._webhook_secrets[name] for name in EMULATED}
        return {**self._environment, **secrets}

    def _environment_of_lockstitch(self) -> dict[str, str]:
        """Return the environment of the API and the worker: this process's environment and the settings of `dev`."""
        return {
            **EMULATOR_CREDENTIALS,
            **{secret_variable(connection): secret for connection, secret in self._webhook_secrets.items()},
            "LOCKSTITCH_ENCRYPTION_KEYS": self._folder.encryption_key(),
            **{name: value for name, value in self._environment.items() if value},
            "LOCKSTITCH_CONFIG": self._config,
            "LOCKSTITCH_DATABASE_URL": self._database_url,
            "LOCKSTITCH_DATA_DIR": str(self._folder.path),
            "LOCKSTITCH_DEV": "1",
        }

    def _facts(self, keys: DevKeys) -> dict[str, object]:
        return {
            "api": f"http://{LOCALHOST}:{self._settings.port}",
            "public_url": self._settings.public_url,
            "config": self._config,
            "emulators": f"http://{LOCALHOST}:{self._settings.emulators_port}",
            "key": keys.key,
            "ops_key": keys.ops_key,
            "database_url": self._database_url,
            "webhook_secrets": self._webhook_secrets,
        }


def _lockstitch(command: str) -> list[str]:
    return [sys.executable, "-P", "-m", "app.cli", command]


def _require_free_ports(settings: Settings) -> None:
    """Raise Complaint for a port that is in use or set twice."""
    ports = {
        "LOCKSTITCH_PORT": settings.port,
        "LOCKSTITCH_WORKER_PORT": settings.worker_port,
        "LOCKSTITCH_EMULATORS_PORT": settings.emulators_port,
    }
    if len(set(ports.values())) < len(ports):
        raise Complaint(
            f"{', '.join(ports)} must be three different ports; they are {', '.join(map(str, ports.values()))}."
        )
    deadline = time.monotonic() + PREDECESSOR_GONE_WITHIN
    for name, port in ports.items():
        while not _is_free(port):
            if time.monotonic() > deadline:
                raise Complaint(f"Port {port} is in use: stop what listens there, or set {name} to another port.")
            time.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOCALHOST, port))
            candidate.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Complaint(f"Port {port} cannot be used: {os.strerror(error.errno or 0)}.") from None
    return True


async def _ensure_keys(database_url: str, folder: DevFolder, environment: str) -> DevKeys:
    """Make the folder's keys valid in the database, one for callers and one for operators."""
    keys = folder.read_keys(environment)
    callers = [scope for scope in SCOPES if not scope.startswith("ops:")]
    database = await Database.connect(database_url, max_size=1)
    try:
        await claim(database, environment)
        store = PostgresKeys(database, actor="lockstitch dev", environment=environment)
        known = DevKeys(
            key=await _ensure_key(store, "dev", callers, keys.key),
            ops_key=await _ensure_key(store, "dev-ops", SCOPES, keys.ops_key),
        )
    finally:
        await database.close()
    if known != keys:
        folder.write_keys(known)
    return known


async def _ensure_key(store: PostgresKeys, name: str, scopes: "list[str] | tuple[str, ...]", secret: str) -> str:
    """Return the secret if it is or can be made valid. Creates a new one if it was revoked or its scopes changed."""
    caller = await store.find(secret)
    if caller is not None and caller.scopes == frozenset(scopes):
        return secret
    with suppress(ApiKeyError):  # no key of that name yet
        await store.revoke(name)
    with suppress(ApiKeyError):  # the secret was revoked, and remains revoked
        return (await store.create(name, scopes, secret=secret)).secret
    return (await store.create(name, scopes)).secret


def _answers(port: int, path: str) -> Callable[[Child], Awaitable[bool]]:
    """Return a check that GET on this port answers 200. Uses no HTTP client, because importing one is too slow."""

    async def ask(child: Child) -> bool:
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(LOCALHOST, port)
                try:
                    writer.write(
                        f"GET {path} HTTP/1.1\r\nHost: {LOCALHOST}:{port}\r\nConnection: close\r\n\r\n".encode()
                    )
                    status = await reader.readline()
                finally:
                    writer.close()
        except OSError:
            return False
        return status.split()[1:2] == [b"200"]

    return ask


def welcome(facts: Mapping[str, object], database: str, folder: Path, seconds: float) -> str:
    """Return the text. `facts` is the content of `dev.json`; `database` must contain no password."""
    return WELCOME.format(database=database, folder=folder, seconds=seconds, **facts)
