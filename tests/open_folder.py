"""Folders for PostgreSQL, which runs as another user if the tests run as root."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only databases of the tests
ROOM: Final = 4 * 1024**3


def open_folder(prefix: str) -> Path:
    """Make a folder that an unprivileged user can pass through, which pytest's own folders are not. It lies in memory
    where there is room: ext4 searches long for a free inode after many files were deleted."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if roomy else None))
    folder.chmod(0o711)
    return folder
