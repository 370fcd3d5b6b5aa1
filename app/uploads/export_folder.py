"""A folder on disk that receives exports of a legacy system. File operations run in a thread."""

import asyncio
import errno
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from app.uploads.models import WaitingFile

STILL_SECONDS: Final = 5.0
"""A file unchanged for this long counts as complete. A file renamed into the folder has to wait as well."""
MAX_LISTED: Final = 100


class DiskFolder:
    """`ExportFolder` on the local file system."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def waiting(self) -> Sequence[WaitingFile]:
        """List the complete files, oldest first, at most `MAX_LISTED`. Raises OSError."""
        return await asyncio.to_thread(self._list)

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
        quiet = time.time() - STILL_SECONDS
        found = []
        for path in self._path.iterdir():
            if path.suffix.lower() != ".csv" or path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            facts = path.stat()
            if facts.st_mtime <= quiet:
                found.append((facts.st_mtime_ns, path.name, facts.st_size))
        return [
            WaitingFile(name=name, mark=_mark(name, changed), size=size)
            for changed, name, size in sorted(found)[:MAX_LISTED]
        ]

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
