"""`lockstitch doctor`: check the installation from this shell, and show how to fix what is wrong."""

import asyncio
import os
import re
import shlex
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx

from app.agents import has_agents
from app.api_keys.store import PostgresKeys
from app.cli.findings import CheckReport, Finding, error, warning
from app.cli.printing import Json, announce_vendors
from app.cli.shell import START, Shell, another_environment, open_shell
from app.cli.tables import moment
from app.cli.vendor.live_account import InLoop, Runs, check_access, clock, open_live, skew_of
from app.cli.walk_checks import check_walks
from app.copies.consumers import load_consumers
from app.copies.deps import consumers_in
from app.copies.pauses import list_consumers
from app.credentials.grants import grant_of
from app.credentials.last_use import last_uses
from app.credentials.secrets import VAULT
from app.credentials.token_set import SUFFIX
from app.errors import Complaint, StoreUnavailable
from app.http.callers import OR_ANOTHER
from app.monitoring.advice import in_commands
from app.monitoring.store import heartbeats
from app.monitoring.store.vitals import PostgresAlarmFigures
from app.monitoring.watch import alarms_of
from app.postgres.database import Database, Statement
from app.postgres.fault import DatabaseFault, fault_of
from app.postgres.write_proof import write_fault
from app.queue.pauses import PostgresPauses
from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.vendors.configured_connections import connections_of
from app.vendors.observations import Observations
from app.vendors.refused_webhooks import WebhookStates, described
from app.webhooks.webhook_connections import load_webhook_connections
from mappings.registry import VENDORS

CANONICAL: Final = ("customers:", "orders:", "tickets:")
WORKER_SECONDS: Final = 60.0
COLLECTOR_SECONDS: Final = 5.0
VENDORS_AT_ONCE: Final = 16
TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
NOW = Statement("SELECT clock", "SELECT extract(epoch FROM clock_timestamp())::float8")


def doctor(*, json: Json = False) -> None:
    """Check configuration, database, secrets, vendors, clock, collector and workers. Only obtains tokens that are due.

    Exits with 1 if something does not work. Each finding ends with the command that fixes it.
    """
    report = CheckReport()
    with asyncio.Runner() as runner:
        try:
            with open_shell(runner) as shell:
                _examine(runner, shell, report)
        except SettingsError as complaints:
            report.add(_configuration(str(complaints), None))
        except StoreUnavailable as lost:  # it answered at first
            fault = fault_of(lost) or DatabaseFault(why=lost.detail, fix=START)
            report.add([error("database", fault.why, fault.fix)])
    report.print_and_exit(json=json)


def _examine(runner: asyncio.Runner, shell: Shell, report: CheckReport) -> None:
    report.add(_check_configuration(shell), "the configuration is valid")
    report.add((), "agents: /mcp answers" if has_agents() else "agents: /mcp is off: pip install 'lockstitch[agents]'")
    report.add(_check_database(runner, shell), "the database answers, is migrated and can be written")
    if shell.foreign:
        return  # its connections are not called from here
    report.add(_check_secrets(shell), "every secret is there, and each is used once")
    if shell.database is not None and not shell.unmigrated:
        report.add(_check_work(runner, shell.database, shell.settings), "a worker runs, and no connection is paused")
        report.add(
            _check_connections(runner, shell.database, shell.settings),
            "no connection is throttled, fails or refuses its webhooks",
        )
        check_walks(report, runner, shell.database, shell.settings)
        report.add(_check_alarms(runner, shell.database, shell.settings), "no other alarms")
        report.add(_check_keys(runner, shell.database), "no key with ops:* makes canonical calls")
    environment = shell.environment
    endpoint = environment.get(TRACES_ENDPOINT) or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
    if endpoint and environment.get("OTEL_TRACES_EXPORTER") != "none":
        report.add(_check_collector(environment, endpoint), "the collector answers")
    stopped = {one.about for one in report.findings}
    names = [
        name
        for name, connection in sorted(shell.settings.connections.items())
        if connection.vendor in VENDORS and not connection.only_takes_webhooks and f"connection {name}" not in stopped
    ]
    announce_vendors(names)
    for name, findings in zip(names, runner.run(_check_vendors(shell, names)), strict=True):
        report.add(findings, f"connection {name}: the vendor answers and accepts the credential")


def _check_configuration(shell: Shell) -> Iterator[Finding]:
    settings = shell.settings
    if not settings.encryption_keys and not settings.dev:
        yield error(
            "configuration",
            "LOCKSTITCH_ENCRYPTION_KEYS is not set",
            "Set the keys of this database. Only for a new one:"
            ' export LOCKSTITCH_ENCRYPTION_KEYS="k1:$(head -c 32 /dev/urandom | base64)"',
        )
    if closed := _unreadable(shell):
        yield error(
            "configuration",
            f"LOCKSTITCH_ENCRYPTION_KEYS does not open {', '.join(sorted(closed))} of the vault",
            "Set it as for the processes. This shows which keys are missing: lockstitch secrets status",
        )
    if not os.environ.get("LOCKSTITCH_ENVIRONMENT") and not settings.dev:
        yield warning(
            "configuration",
            f"LOCKSTITCH_ENVIRONMENT is not set, so a copy of this database starts anywhere as {settings.environment}",
            f"export LOCKSTITCH_ENVIRONMENT={settings.environment}, or name it: lockstitch environment rename NAME",
        )
    if not settings.connections:
        yield warning(
            "configuration",
            f"there is no connection in {settings.config_file or 'this folder, which has no lockstitch.toml'}",
            "If the processes have some, name their file: export LOCKSTITCH_CONFIG=/path/to/lockstitch.toml",
        )
    with_secrets = {name: one for name, one in settings.connections.items() if not _lacking(shell, one)}
    try:
        connections = connections_of(settings)
        load_consumers(settings.consumers, connections, settings.realms, settings.ownership)
        load_webhook_connections(with_secrets, connections, shell.secrets)
    except Complaint as complaint:
        yield from _configuration(str(complaint), settings)


def _configuration(complaints: str, settings: Settings | None) -> Iterator[Finding]:
    named = os.environ.get("LOCKSTITCH_CONFIG", "lockstitch.toml") if settings is None else settings.config_file
    file = str(named or "lockstitch.toml")
    for line in complaints.splitlines():
        variable = re.match(r"LOCKSTITCH_[A-Z_]+", line)
        fix = f"export {variable[0]}=…" if variable else f"edit {file}"
        yield error("configuration", line, f"{fix}, then: lockstitch doctor")


def _check_database(runner: asyncio.Runner, shell: Shell) -> Iterator[Finding]:
    if shell.database is None:
        if shell.trouble is not None:
            yield error("database", shell.trouble.why, shell.trouble.fix)
        return
    if shell.unmigrated:
        yield error("database", shell.unmigrated.why, shell.unmigrated.fix)
        return
    if fault := runner.run(write_fault(shell.database)):
        yield error("database", fault.why, fault.fix)
    if shell.foreign:
        yield another_environment(shell)
    there: float = runner.run(shell.database.fetch_value(NOW))
    yield from clock("the database", time.time() - there)


def _check_secrets(shell: Shell) -> Iterator[Finding]:
    """Report secrets that are missing, by name, and those that several connections or names share."""
    users: dict[str, set[str]] = defaultdict(set)
    for name, connection in sorted(shell.settings.connections.items()):
        closed = _closed(shell, name, connection)
        if closed:
            yield error(
                f"connection {name}",
                f"the vault cannot be read, so {', '.join(closed)} was not checked",
                "Fix the database and the encryption keys, then: lockstitch doctor",
            )
        for reference, complaint in _lacking(shell, connection).items():
            if reference not in closed:
                yield error(f"connection {name}", complaint, _set_secret(reference, "set"))
        for reference in _secrets_of(connection):
            users[reference].add(name)
    twins = shell.secrets.twins(users)
    alone = users.keys() - {reference for group in twins for reference in group}
    for group in (*twins, *([reference] for reference in sorted(alone))):
        names = sorted({name for reference in group for name in users[reference]})
        if len(group) > 1 or len(names) > 1:
            yield warning(
                f"secret {', '.join(group)}",
                f"one secret is used at {', '.join(names)}: if one of them leaks it, all are exposed",
                f"Make a secret for each at the vendor, then: {_set_secret(group[-1], 'rotate')}",
            )


def _lacking(shell: Shell, connection: ConnectionSettings) -> Mapping[str, str]:
    """Return what is wrong with each secret of a connection that cannot be read."""
    lacking = {}
    for reference in _references_of(connection):
        try:
            shell.secrets.read(reference)
        except SettingsError as complaint:
            lacking[reference] = str(complaint)
    return lacking


def _references_of(connection: ConnectionSettings) -> tuple[str, ...]:
    return (*connection.credentials.values(), *(one.secret for one in connection.webhook_secrets))


def _secrets_of(connection: ConnectionSettings) -> Iterator[str]:
    """Yield the references to secrets, without names such as a user's, or the id of an app."""
    vendor = VENDORS.get(connection.vendor)
    public = () if vendor is None else vendor.auth.names.union(*(grant.names for grant in vendor.grants))
    yield from (reference for name, reference in connection.credentials.items() if name not in public)
    yield from (one.secret for one in connection.webhook_secrets)


def _closed(shell: Shell, name: str, connection: ConnectionSettings) -> Sequence[str]:
    """Return the secrets of a connection that are in a vault which cannot be read from here."""
    vendor = VENDORS.get(connection.vendor)
    kept = [reference for reference in _references_of(connection) if reference.startswith(VAULT)]
    with suppress(SettingsError):  # reported with the connection
        if vendor is not None and grant_of(connection, vendor) is not None:
            kept.append(f"{VAULT}{name}{SUFFIX}")
    if shell.secrets.vault is None:
        return kept
    return [reference for reference in kept if reference.removeprefix(VAULT) in _unreadable(shell)]


def _unreadable(shell: Shell) -> set[str]:
    """Return the names in the vault that the encryption keys do not open."""
    vault = shell.secrets.vault
    return set() if vault is None else {name for name, _ in vault.store.unreadable}


def _set_secret(reference: str, verb: str) -> str:
    kind, _, name = reference.partition(":")
    return {
        "env": f"Restart all processes with it: export {name}=…",
        "file": f"Type it, and press Enter and Ctrl-D: (umask 077; cat > {shlex.quote(name)})",
        "vault": f"lockstitch secrets {verb} {name}",
    }[kind]


def _check_work(runner: asyncio.Runner, database: Database, settings: Settings) -> Iterator[Finding]:
    last_beat = runner.run(heartbeats.last_seen(database))
    if last_beat is None or last_beat > WORKER_SECONDS:
        since = "has ever run" if last_beat is None else f"has been seen for {last_beat:.0f} s"
        yield error("worker", f"no worker {since}: webhooks, deliveries and lost replies wait", "lockstitch worker")
    pauses = PostgresPauses(database)
    runner.run(pauses.refresh())
    for name in sorted(settings.connections):
        pause = pauses.known.get(name)
        if pause is None or not pause.until_resumed:
            continue
        fix = f"lockstitch connections resume {name}"
        if pause.needs_connect:
            fix = f"lockstitch connect {name}"
        elif pause.reason != "operator":
            fix = f"Fix what the first command finds: lockstitch verify {name} && {fix}"
        yield error(f"connection {name}", f"it is paused ({pause.reason}): {pause.note}", fix)
    consumers = [one.name for one in settings.consumers]
    for one in runner.run(list_consumers(consumers_in(database, consumers))):
        if one.paused_at is not None:
            problem = "its copies wait: they would have removed more than 20 values within an hour"
            fix = f"Has a source lost data? If not: lockstitch consumers resume {one.name}"
            if one.paused_for == "loop":
                problem = "its copies wait: it wrote one record again and again"
                fix = f"Stop what changes the record after each copy, then: lockstitch consumers resume {one.name}"
            yield error(f"consumer {one.name}", problem, fix)


def _check_connections(runner: asyncio.Runner, database: Database, settings: Settings) -> Iterator[Finding]:
    """Report what the running processes observe at connections, and the webhooks that configured ones refuse."""
    for name, observation in runner.run(Observations(database).read()).items():
        since, until = moment(observation.since), moment(observation.until)
        again = "It continues by itself. Look again: lockstitch connections"
        if observation.state == "throttled":  # it is not called from here either
            problem = f"its vendor throttles it since {since}, until {until} UTC at least"
            yield warning(f"connection {name}", problem, again)
        else:
            yield warning(f"requests of {name}", f"{observation.note} since {since} UTC", again)
    for name, refused in runner.run(WebhookStates(database).read()).items():
        if refused.alone and name in settings.connections:
            fix = f"{refused.next_step} Then look again: lockstitch connections"
            level = error if refused.alarm else warning
            yield level(f"webhooks {name}", described(refused), fix)


def _check_alarms(runner: asyncio.Runner, database: Database, settings: Settings) -> Iterator[Finding]:
    """Report what raises an alarm, except about connections and missing secrets, which are checked here."""
    figures = runner.run(PostgresAlarmFigures(database, ()).read())
    for alarm in alarms_of(figures, settings.public_url, settings.alerts.job_lag_seconds):
        yield warning(f"alarm {alarm.name}", alarm.summary, in_commands(alarm.next_step))


def _check_keys(runner: asyncio.Runner, database: Database) -> Iterator[Finding]:
    used: dict[str, set[str]] = defaultdict(set)
    for use in runner.run(last_uses(database)):
        used[use.subject].add(use.part)
    for key in runner.run(PostgresKeys(database).list()):
        canonical = sorted(
            part for part in used[key.id] if part.startswith(CANONICAL) and not part.endswith(OR_ANOTHER)
        )
        if key.state not in ("valid", "overlapping") or not canonical:
            continue
        if any(scope.startswith("ops:") for scope in key.scopes):
            kept = " ".join(f"--scope {scope}" for scope in key.scopes if not scope.startswith("ops:"))
            yield warning(
                f"key {key.name}",
                f"it has ops:* scopes and makes canonical calls ({', '.join(canonical)})",
                f"Use another key for these calls: lockstitch key create {key.name}-calls {kept}",
            )


def _check_collector(environment: Mapping[str, str], endpoint: str) -> Iterator[Finding]:
    """Send an empty export over HTTP, or connect for gRPC."""
    address = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    fix = f"Start the collector at {endpoint}, or correct OTEL_EXPORTER_OTLP_ENDPOINT: curl -sS {endpoint}"
    named = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if named == "grpc" or (named is None and address.port == 4317):
        try:
            socket.create_connection((address.hostname or "", address.port or 4317), COLLECTOR_SECONDS).close()
        except OSError as failed:
            yield error("collector", f"{endpoint} is not reached: {failed.strerror or failed}", fix)
        return
    try:
        reply = httpx.post(
            environment.get(TRACES_ENDPOINT) or f"{endpoint}/v1/traces",
            content=b"",
            headers={"content-type": "application/x-protobuf"},
            timeout=COLLECTOR_SECONDS,
        )
    except httpx.HTTPError as failed:
        yield error("collector", f"{endpoint} is not reached: {type(failed).__name__}", fix)
        return
    if reply.is_error:
        yield error("collector", f"{endpoint} answers {reply.status_code} to an empty export", fix)
    yield from clock("the collector", skew_of(reply.headers))


async def _check_vendors(shell: Shell, names: Sequence[str]) -> Sequence[Sequence[Finding]]:
    """Check these connections at the same time: each vendor that hangs takes several seconds.

    In threads of their own: the loop resolves host names in its default ones, while these wait.
    """
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(VENDORS_AT_ONCE)
    runs = InLoop(loop)
    checks = [loop.run_in_executor(threads, _check_connection, runs, shell, name) for name in names]
    try:
        return await asyncio.gather(*checks)
    finally:
        runs.stop()
        await asyncio.to_thread(threads.shutdown, cancel_futures=True)


def _check_connection(runs: Runs, shell: Shell, name: str) -> Sequence[Finding]:
    try:
        with open_live(runs, shell.settings, name, shell.secrets, shell.bound) as live:
            return check_access(live, shell.settings, name)[1]
    except SettingsError as complaint:
        return list(_configuration(str(complaint), shell.settings))
