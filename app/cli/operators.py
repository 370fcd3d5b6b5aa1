"""Shared parts of the operator commands. They use the database directly, so they work while the API is down."""

import getpass
import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from app.cli.database import find_database, find_environment, find_keys, find_settings, run, with_database
from app.cli.exits import usage
from app.cli.printing import log_nothing
from app.dependencies import Dependencies
from app.queue.models import Pause
from canonical.parts import Instant

D = TypeVar("D")
T = TypeVar("T")

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def with_operators(kind: type[D], do: Callable[[D], Awaitable[T]]) -> T:
    """Run `do` with the dependencies of this type. Raises Problem if it is refused, Complaint without a database."""
    from app.wiring.operators import operators_on  # noqa: PLC0415 - not for commands on a store alone

    settings = find_settings(os.environ)
    return with_database(lambda database: do(operators_on(database, settings, find_keys(os.environ)).of(kind)))


def with_runtime(do: Callable[[Dependencies], Awaitable[T]]) -> T:
    """Run `do` with all that a process of the API has. It may call vendors, within their limits."""
    from app.wiring.runtime import open_runtime  # noqa: PLC0415 - the whole product

    ours = find_settings(os.environ)
    settings = msgspec.structs.replace(ours, database_url=find_database(ours), encryption_keys=find_keys(os.environ))
    os.environ.update(find_environment(os.environ))

    async def open_and_do() -> T:
        async with open_runtime(settings) as runtime:
            return await do(runtime.dependencies)

    log_nothing()
    return run(open_and_do())


def actor() -> str:
    """Return the current user, for the audit trail."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:{os.getuid()}"


def prepare_actor() -> str:
    """Return the current user, before a change that may enqueue jobs. Imports the kinds of jobs: within the
    transaction, that second of CPU would keep locks for which the webhooks of a record wait."""
    from app.wiring.connections import capabilities  # noqa: PLC0415 - not for queries

    capabilities()
    return actor()


def print_pause(connection: str, pause: Pause | None) -> None:
    """Print that an operator's pause stays, after a credential was replaced."""
    if pause is not None and pause.reason == "operator":
        note = f" ({pause.note})" if pause.note else ""
        sys.stdout.write(f"{connection} stays paused{note}. To resume it: lockstitch connections resume {connection}\n")


def read_duration(option: str, text: str) -> timedelta:
    """Parse a duration such as `90m`, `24h`, `30d`. Exits for anything else, and for zero."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None or not int(match[1]):
        usage(f"{option} {text}: must be a duration such as 90m, 24h, 30d.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def read_time(option: str, text: str | None) -> datetime | None:
    """Parse an RFC 3339 time, or an age such as `90m`, `2h`, `1d`. Exits for anything else."""
    if text is None:
        return None
    age = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    try:
        if age is not None:
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
        return msgspec.convert(text, Instant).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        usage(f"{option} {text}: must be a time such as 2026-05-01T09:30:00Z, or an age such as 90m, 2h, 1d.")
