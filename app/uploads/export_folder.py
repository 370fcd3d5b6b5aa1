"""Folders on disk that receive exports of a legacy system: record each like an upload, then move the file away.

If a process ends after recording a file and before moving it, the next run recognises the file by name, modification
time and content, and only moves it. If several workers see a file, one records it and the others skip it.
"""

import asyncio
import errno
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from msgspec import Struct

from app import telemetry
from app.audit.record import Entry, append
from app.errors import IdempotencyInProgress, InvalidField
from app.identifiers import new_run_id
from app.uploads.deps import UploadDeps
from app.uploads.record import MAX_BYTES, layout_of, refuse_export, take_upload

STILL_SECONDS: Final = 5.0
"""A file that was the same at two looks so far apart counts as complete, also one that was renamed into the folder. The
clocks of other hosts, which set the times of files, do not matter."""
MAX_LISTED: Final = 100
_log = logging.getLogger("lockstitch.worker")


class WaitingFile(Struct, frozen=True, kw_only=True):
    """A file in an export folder. `mark` differs between two files of one name."""

    name: str
    mark: str
    size: int


class DiskFolder:
    """A folder on the local file system. File operations run in a thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._first_looks: dict[tuple[str, int], float] = {}
        self.fault: str | None = None
        """Why it could not be listed at last."""

    async def waiting(self) -> Sequence[WaitingFile]:
        """List the complete files, oldest first, at most `MAX_LISTED`. Raises OSError."""
        files, now = await asyncio.to_thread(self._list), self._clock()
        self._first_looks = {
            (file.mark, file.size): self._first_looks.get((file.mark, file.size), now) for file in files
        }
        complete = [file for file in files if now - self._first_looks[file.mark, file.size] >= STILL_SECONDS]
        return complete[:MAX_LISTED]

    async def read(self, file: WaitingFile) -> BytesIO:
        """Read a file. Raises OSError, also if another process has moved it or it has changed in size."""
        return BytesIO(await asyncio.to_thread(self._read, file))

    async def put_away(self, file: WaitingFile, *reasons: str) -> None:
        """Move a file to `taken`, or to `refused` with its reasons. Raises OSError.

        A file that was overwritten meanwhile stays, because its new content is unread: a legacy system may reuse one
        name for every export.
        """
        await asyncio.to_thread(self._move, file, reasons)

    def _list(self) -> list[WaitingFile]:
        files = []
        for path in self._path.iterdir():
            if path.suffix.lower() != ".csv" or path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            facts = path.stat()
            files.append((facts.st_mtime_ns, path.name, facts.st_size))
        return [WaitingFile(name=name, mark=_mark(name, changed), size=size) for changed, name, size in sorted(files)]

    def _read(self, file: WaitingFile) -> bytes:
        with (self._path / file.name).open("rb") as opened:
            content = opened.read(file.size + 1)
        if len(content) != file.size:
            raise OSError(errno.EBUSY, "the export changed while it was read")
        return content

    def _move(self, file: WaitingFile, reasons: Sequence[str]) -> None:
        if _mark(file.name, (self._path / file.name).stat().st_mtime_ns) != file.mark:
            return
        into = self._path / ("refused" if reasons else "taken")
        into.mkdir(exist_ok=True)
        target = into / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{file.name}"
        (self._path / file.name).rename(target)
        if reasons:
            target.with_name(f"{target.name}.reasons.txt").write_text("\n".join((*reasons, "")), encoding="utf-8")


def _mark(name: str, changed: int) -> str:
    """Identify one export among those of the same name, by its modification time in nanoseconds."""
    return f"{name} {changed}"


async def take_from_folders(deps: UploadDeps, folders: Mapping[str, DiskFolder]) -> bool:
    """Record one file of each connection's folder. Return whether there may be more files."""
    more = False
    for connection, folder in folders.items():
        try:
            files = await folder.waiting()
        except OSError as error:
            if folder.fault != error.strerror:  # another host may have the folder
                _log.warning("cannot use an export folder", extra={"connection": connection, "why": error.strerror})
            folder.fault = error.strerror
            continue
        folder.fault = None
        try:
            if files:
                await _take(deps, connection, folder, files[0])
                more = True
        except OSError as error:  # such as a file that another worker has moved
            _log.warning("cannot take an export", extra={"connection": connection, "why": error.strerror})
        except IdempotencyInProgress:
            continue
    return more


async def _take(deps: UploadDeps, connection: str, folder: DiskFolder, file: WaitingFile) -> None:
    """Record or refuse a file, then move it. Raises OSError, IdempotencyInProgress, StoreUnavailable."""
    sender, layout = layout_of(deps.connections, connection)
    run = new_run_id()
    with telemetry.bind(run):
        if file.size > MAX_BYTES:
            reason = f"the file has {file.size} bytes; the maximum is {MAX_BYTES}"
            refuse_export(connection, reason)
            await _refuse(deps, connection, folder, file, reason)
            return
        content = await folder.read(file)
        digest = (await asyncio.to_thread(hashlib.sha256, content.getbuffer())).hexdigest()
        try:
            await take_upload(
                deps,
                sender,
                layout,
                content,
                principal=f"folder:{connection}",
                key=hashlib.sha256(f"{file.mark} {digest}".encode(errors="surrogateescape")).hexdigest(),
                correlation_id=run,
            )
        except InvalidField as error:
            await _refuse(deps, connection, folder, file, *(one.detail for one in error.errors))
            return
        await folder.put_away(file)


async def _refuse(deps: UploadDeps, connection: str, folder: DiskFolder, file: WaitingFile, *reasons: str) -> None:
    await folder.put_away(file, *reasons)
    async with deps.database.transaction() as transaction:
        fact = Entry(type="upload.refused", subject=connection, facts={"connection": connection, "size": file.size})
        await append(transaction, fact)
