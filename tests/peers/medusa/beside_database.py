"""Runs a command beside Medusa's PostgreSQL, which lives exactly as long: the one that Lockstitch brings along, so that
nothing has to be installed for it, whoever runs the tests.

    python -m tests.peers.medusa.beside_database FOLDER COMMAND…          the command fills the database
    python -m tests.peers.medusa.beside_database --fresh FOLDER COMMAND…  the command works on a copy of it

The command finds the database in `DATABASE_URL`. A copy is made for each run: none sees what an earlier one did.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

import asyncpg

from app.postgres.embedded import DATABASE, EmbeddedPostgres
from tests.closing import async_closing

COPY: Final = "run"
PATIENCE: Final = 10.0
CARELESS: Final = {"synchronous_commit": "off"}


def beside(folder: Path, command: list[str], *, fresh: bool) -> int:
    """Run the command in the folder, and its exit code."""
    with EmbeddedPostgres(folder / "postgres", CARELESS).running(folder / "postgres.log") as url:
        if fresh:
            asyncio.run(_copy(url))
            url = url.replace(f"/{DATABASE}?", f"/{COPY}?")
        # Medusa wants a host in the address; it connects to the socket all the same.
        environment = {**os.environ, "DATABASE_URL": url.replace("@/", "@localhost/")}
        process = subprocess.Popen(command, cwd=folder, env=environment)
        try:
            return process.wait()
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


async def _copy(url: str) -> None:
    # A database that is copied may have no connections, and nobody may be connected to the one that is dropped.
    async with async_closing(asyncpg.connect(url.replace(f"/{DATABASE}?", "/postgres?"))) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {COPY} TEMPLATE {DATABASE}")


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    arguments = sys.argv[1:]
    fresh = arguments[0] == "--fresh"
    folder, *command = arguments[fresh:]
    sys.exit(beside(Path(folder), command, fresh=fresh))
