"""A folder of exports: no unread file is ever moved away, even if another process writes meanwhile."""

import os
import time
from pathlib import Path
from typing import cast

import pytest

from app.uploads.deps import UploadDeps
from app.uploads.export_folder import STILL_SECONDS, DiskFolder, WaitingFile, take_from_folders


def lay(path: Path, content: bytes, age: float) -> None:
    path.write_bytes(content)
    written = time.time() - age
    os.utime(path, (written, written))


class Clock:
    """A monotonic clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def complete(folder: DiskFolder, clock: Clock) -> list[WaitingFile]:
    """The complete files after a second look."""
    await folder.waiting()
    clock.now += STILL_SECONDS
    return list(await folder.waiting())


def kept_in(path: Path) -> list[bytes]:
    return [one.read_bytes() for one in path.glob("*/*.csv")]


@pytest.mark.parametrize("reasons", [(), ("its first row is no header",)], ids=["taken", "refused"])
async def test_an_export_that_replaces_one_that_is_being_taken_is_taken_next(
    tmp_path: Path, reasons: tuple[str, ...]
) -> None:
    clock = Clock()
    folder, path = DiskFolder(tmp_path, clock), tmp_path / "customers.csv"
    lay(path, b"monday", age=60)
    (monday,) = await complete(folder, clock)
    assert (await folder.read(monday)).getvalue() == b"monday"

    lay(path, b"friday", age=30)
    await folder.put_away(monday, *reasons)

    (friday,) = await complete(folder, clock)
    assert friday.mark != monday.mark
    assert (await folder.read(friday)).getvalue() == b"friday"
    await folder.put_away(friday, *reasons)
    assert await folder.waiting() == []
    assert kept_in(tmp_path) == [b"friday"]


async def test_an_export_that_grows_while_it_is_read_is_not_read(tmp_path: Path) -> None:
    clock = Clock()
    folder, path = DiskFolder(tmp_path, clock), tmp_path / "customers.csv"
    lay(path, b"monday", age=60)
    (monday,) = await complete(folder, clock)
    lay(path, b"monday and tuesday", age=30)

    with pytest.raises(OSError, match="changed while it was read"):
        await folder.read(monday)


@pytest.mark.parametrize("age", [-3600.0, 0.0, 3600.0])
async def test_a_file_that_changes_is_not_complete_whatever_the_clocks_say(tmp_path: Path, age: float) -> None:
    clock = Clock()
    folder, path = DiskFolder(tmp_path, clock), tmp_path / "customers.csv"
    lay(path, b"monday", age)
    assert await folder.waiting() == []
    clock.now += STILL_SECONDS - 1
    lay(path, b"monday and tuesday", age)
    assert await folder.waiting() == []
    clock.now += STILL_SECONDS - 1
    assert await folder.waiting() == []
    clock.now += 1
    assert [file.name for file in await folder.waiting()] == ["customers.csv"]


async def test_a_host_without_the_folder_warns_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = DiskFolder(tmp_path / "exports")
    for _ in range(3):
        await take_from_folders(cast(UploadDeps, None), {"laid": folder})
    assert [record.message for record in caplog.records] == ["cannot use an export folder"]
    (tmp_path / "exports").mkdir()
    await take_from_folders(cast(UploadDeps, None), {"laid": folder})
    (tmp_path / "exports").rmdir()
    await take_from_folders(cast(UploadDeps, None), {"laid": folder})
    assert len(caplog.records) == 2
