"""Record exports from folders like uploads, then move the files away.

If a process ends after recording a file and before moving it, the next run recognises the file by name, modification
time and content, and only moves it. If several workers find a file, one records it and the others skip it.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping

from app import telemetry
from app.audit.models import Fact
from app.audit.record import append_facts
from app.errors import IdempotencyInProgress, InvalidField
from app.identifiers import uuid7
from app.uploads.deps import UploadDeps
from app.uploads.export_folder import DiskFolder
from app.uploads.models import WaitingFile
from app.uploads.record import MAX_BYTES, layout_of, refuse_export, take_upload

_log = logging.getLogger("lockstitch.worker")


async def take_from_folders(deps: UploadDeps, folders: Mapping[str, DiskFolder]) -> bool:
    """Record one file of each connection's folder. Return whether there may be more files."""
    more = False
    for connection, folder in folders.items():
        try:
            files = await folder.waiting()
            if files:
                await _take(deps, connection, folder, files[0])
                more = True
        except OSError as error:
            # Another worker moved the file first, or the folder is missing.
            _log.warning("cannot use an export folder", extra={"connection": connection, "why": error.strerror})
        except IdempotencyInProgress:
            continue
    return more


async def _take(deps: UploadDeps, connection: str, folder: DiskFolder, file: WaitingFile) -> None:
    """Record or refuse a file, then move it. Raises OSError, IdempotencyInProgress, StoreUnavailable."""
    found, layout = layout_of(deps.connections, connection)
    run = str(uuid7())
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
                found,
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
        fact = Fact(type="upload.refused", subject=connection, facts={"connection": connection, "size": file.size})
        await append_facts(transaction, fact)
