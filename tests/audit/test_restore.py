"""The audit trail in a backup: its chain goes on in another cluster, and heads kept elsewhere still judge it."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.postgres.embedded import EmbeddedPostgres
from app.postgres.embedded_owner import choose_owner, find_binaries
from tests.audit.audit_chain import SEALED, Chain, chain_on
from tests.commands import exits, lockstitch
from tests.conftest import FAST_AND_LOOSE
from tests.required import required


@pytest.fixture
def another_cluster() -> Iterator[str]:
    """An empty database on a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="lockstitch-restore-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres", FAST_AND_LOOSE).running(folder / "log") as url:
            yield url
    finally:
        shutil.rmtree(folder)


def run(program: str, *arguments: str) -> None:
    binary = Path(find_binaries(choose_owner(Path(tempfile.gettempdir())))) / program
    exits(subprocess.run([binary, *arguments], capture_output=True, text=True, check=False))


def verify(url: str, *options: str) -> tuple[int, str]:
    done = lockstitch("audit", "verify", *options, environment={"LOCKSTITCH_DATABASE_URL": url}, columns=200)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def head(url: str) -> str:
    """As `verify` gives it out."""
    _, output = verify(url)
    return required(re.search(r"[0-9]+:[0-9a-f]{64}", output))[0]


async def raise_counter(url: str) -> None:
    """So that what is restored is from transactions that the other cluster has yet to come to."""
    connection = await asyncpg.connect(url)
    for _ in range(2_000):
        await connection.execute("SELECT pg_current_xact_id()")
    await connection.close()


async def test_anchors_detect_a_restore(sealed: Chain, database_url: str, another_cluster: str, tmp_path: Path) -> None:
    kept = head(database_url)
    await raise_counter(database_url)
    await sealed.write(2)  # not sealed yet
    run("pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", database_url)
    await sealed.write(3)
    await sealed.seal_everything()
    lost = head(database_url)
    assert lost.startswith(f"{SEALED + 5}:")

    run("pg_restore", "--exit-on-error", f"--dbname={another_cluster}", str(tmp_path / "dump"))

    async with chain_on(another_cluster) as restored:
        code, output = verify(another_cluster, "--anchor", kept)
        assert (code, "Not sealed yet: 2" in output) == (0, True), output
        for options in (("--anchor", lost), ("--from", str(SEALED + 6), "--anchor", lost)):
            code, output = verify(another_cluster, *options)
            assert code == 4, output
            assert f"BROKEN at position {SEALED + 5} (anchor)" in output
            assert "a restore from a backup" in output

        assert await restored.seal_everything() == 2
        await restored.write(6)
        assert await restored.seal_everything() == 6
        for options in (("--anchor", kept), ("--from", str(SEALED + 1), "--anchor", kept)):
            code, output = verify(another_cluster, *options)
            assert (code, "Not sealed yet: 0" in output) == (0, True), output
        code, output = verify(another_cluster, "--anchor", lost)
        assert (code, "a restore from a backup" in output) == (4, True), output
        assert verify(another_cluster, "--anchor", head(another_cluster))[0] == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "999"), "--from: is after the end of the chain, which is at 9"),
        (("--from", "9", "--anchor", f"3:{'0' * 64}"), "--anchor: is more than one position before"),
    ],
)
async def test_a_walk_that_cannot_be_is_a_sentence(
    sealed: Chain, database_url: str, options: tuple[str, ...], sentence: str
) -> None:
    code, output = verify(database_url, *options)
    assert (code, sentence in output) == (2, True), output


async def test_reading_the_tail_uses_an_index_after_a_restore(sealed: Chain, database_url: str) -> None:
    """What is from an earlier life of the counter has been sealed, and is not gone through again at every look."""
    await sealed.meddle("UPDATE audit_event SET xid = ((xid::text::bigint + 1000000)::text)::xid8")
    await sealed.meddle("DELETE FROM audit_sealer")
    await sealed.write(1)
    await sealed.seal_everything()
    await sealed.meddle("SELECT pg_stat_force_next_flush()")
    before = await looked_at(sealed)
    for _ in range(3):
        await sealed.trail.figures()
    assert await looked_at(sealed) - before < SEALED


async def looked_at(chain: Chain) -> int:
    """How many rows of the trail statements have read so far through its indexes."""
    async with chain.database.acquire() as session:
        await session._connection.execute("SELECT pg_stat_force_next_flush()")
    read = await chain.owner.fetchval("SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'audit_event'")
    return int(read)
