"""A folder of exports: no unread file is ever moved away, even if another process writes meanwhile."""

import os
import time
from pathlib import Path

import pytest

from app.uploads.export_folder import STILL_SECONDS, DiskFolder

pytestmark = pytest.mark.anyio


def lay(path: Path, content: bytes, age: float) -> None:
    path.write_bytes(content)
    written = time.time() - STILL_SECONDS - age
    os.utime(path, (written, written))


def kept_in(path: Path) -> list[bytes]:
    return [one.read_bytes() for one in path.glob("*/*.csv")]


@pytest.mark.parametrize("reasons", [(), ("its first row is no header",)], ids=["taken", "refused"])
async def test_an_export_that_replaces_one_that_is_being_taken_is_taken_next(
    tmp_path: Path, reasons: tuple[str, ...]
) -> None:
    folder, path = DiskFolder(tmp_path), tmp_path / "customers.csv"
    lay(path, b"monday", age=60)
    (monday,) = await folder.waiting()
    assert (await folder.read(monday)).getvalue() == b"monday"

    lay(path, b"friday", age=30)
    await folder.put_away(monday, *reasons)

    (friday,) = await folder.waiting()
    assert friday.mark != monday.mark
    assert (await folder.read(friday)).getvalue() == b"friday"
    await folder.put_away(friday, *reasons)
    assert await folder.waiting() == []
    assert kept_in(tmp_path) == [b"friday"]


async def test_an_export_that_grows_while_it_is_read_is_not_read(tmp_path: Path) -> None:
    folder, path = DiskFolder(tmp_path), tmp_path / "customers.csv"
    lay(path, b"monday", age=60)
    (monday,) = await folder.waiting()
    lay(path, b"monday and tuesday", age=30)

    with pytest.raises(OSError, match="changed while it was read"):
        await folder.read(monday)
