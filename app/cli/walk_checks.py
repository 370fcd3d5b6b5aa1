"""What `lockstitch doctor` says of walks: how often objects are pulled and reconciled, and what keeps them from it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from app.cli.findings import CheckReport, Finding, warning
from app.cli.tables import moment
from app.http.plurals import PLURAL, counted
from app.postgres.database import Database
from app.settings.environment import Settings
from app.settings.pull import STOCK_LEVEL
from app.settings.reading import SettingsError
from app.vendors.configured_connections import connections_of
from app.walks.plan import PULLED_PLURAL, pull_plans_of, reconcile_plans_of
from app.walks.pull.freshness import rules_of
from app.walks.reconcile.store import PostgresReconciliations
from app.walks.store import PostgresWalks


def check_walks(report: CheckReport, runner: asyncio.Runner, database: Database, settings: Settings) -> None:
    """Report the schedules of pulls and reconciliations, and what is wrong with them."""
    for line in _pulled(settings):
        report.add((), line)
    report.add(_check_limits(settings), "every freshness limit can be kept")
    report.add(_check_pulls(runner, database, settings), "no pull has failed")
    for line in _reconciled(settings):
        report.add((), line)
    report.add(_check_reconciled(runner, database, settings), "every record is as it was last seen")


def _pulled(settings: Settings) -> Iterator[str]:
    """Say how often the objects of each connection are pulled."""
    with suppress(SettingsError):  # reported with the configuration
        plans = pull_plans_of(settings, connections_of(settings))
        for name in sorted(settings.connections):
            every: dict[str, list[str]] = defaultdict(list)
            for plan in plans:
                if plan.connection == name:
                    every[plan.frequency].append(PULLED_PLURAL[plan.object])
            pulled = "; ".join(f"{', '.join(objects)} every {often}" for often, objects in every.items())
            yield f"pulls of {name}: {pulled or 'none'}"


def _check_limits(settings: Settings) -> Iterator[Finding]:
    """Report freshness limits that pulls cannot keep."""
    with suppress(SettingsError):  # reported with the configuration
        for rule in rules_of(settings, connections_of(settings)):
            if rule.unreachable is not None:
                name, plural = rule.connection, PULLED_PLURAL[rule.object]
                table = f"connections.{name}.stock" if rule.object == STOCK_LEVEL else f"ownership.{plural}"
                fix = f"Change every in [connections.{name}.pull.{plural}], or freshness_seconds in [{table}]"
                yield warning(f"freshness of {plural} from {name}", rule.unreachable, fix)


def _check_pulls(runner: asyncio.Runner, database: Database, settings: Settings) -> Iterator[Finding]:
    """Report the pulls whose last run failed, or that leave out records."""
    for state in runner.run(PostgresWalks(database).states()):
        connection = settings.connections.get(state.connection)
        if connection is None or not connection.may_use(state.object):
            continue
        if state.poison:
            problem = f"it leaves out {counted(state.poison, 'record')} that ended the worker"
            fix = f"See which: lockstitch dead-letters list --connection {state.connection} --kind refetch"
            yield warning(f"pull of {PULLED_PLURAL[state.object]} from {state.connection}", problem, fix)
        if state.failure is not None:
            since = "ever" if state.completed_at is None else f"since {moment(state.completed_at)} UTC"
            problem = f"the last run failed ({state.failure}), and none has completed {since}"
            fix = f"lockstitch verify {state.connection}"
            yield warning(f"pull of {PULLED_PLURAL[state.object]} from {state.connection}", problem, fix)


def _reconciled(settings: Settings) -> Iterator[str]:
    """Say how often the objects of each connection are reconciled."""
    with suppress(SettingsError):  # reported with the configuration
        plans: dict[tuple[str, str], list[str]] = defaultdict(list)
        for plan in reconcile_plans_of(settings, connections_of(settings)):
            if plan.every is not None:
                plans[plan.connection, f"every {plan.frequency} ({plan.repair})"].append(PLURAL[plan.object])
        for (name, how), objects in plans.items():
            yield f"reconciled with {name}: {', '.join(objects)} {how}, in slices"


def _check_reconciled(runner: asyncio.Runner, database: Database, settings: Settings) -> Iterator[Finding]:
    """Report failed runs, and open findings."""
    for state in runner.run(PostgresReconciliations(database).states()):
        about = f"reconcile of {PLURAL[state.object]} from {state.connection}"
        if state.connection not in settings.connections:
            continue
        if state.failure is not None:
            yield warning(about, f"the last run failed ({state.failure})", f"lockstitch verify {state.connection}")
        if state.open:
            fix = f"lockstitch reconcile list --connection {state.connection}"
            yield warning(
                about, f"{state.open} records differ from what was last seen of them or from their sources", fix
            )
