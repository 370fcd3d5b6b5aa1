"""An export whose rows take long to read keeps no other request waiting: the event loop reads none of it."""

import hashlib
import io
import threading
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from app.postgres.database import Database
from app.uploads.deps import ExportDeps
from app.uploads.record import take_upload
from app.uploads.store import PostgresUploads
from app.vendors.models import Connection
from app.webhooks.store.receipts import PostgresReceipts
from mappings.csv import VENDOR
from mappings.csv.layout import LayoutSetting, make_layout
from tests.encryption import SEALER

SETTING: dict[str, Any] = {
    "object": "customers",
    "key": "No",
    "constants": {"kind": "person"},
    "columns": [{"column": "Name", "field": "last_name"}],
}
ROWS = 5


class Watched(io.BytesIO):
    """Notes which threads read it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.readers: set[int] = set()

    def read(self, size: int | None = -1, /) -> bytes:
        self.readers.add(threading.get_ident())
        return super().read(size)

    def read1(self, size: int | None = -1, /) -> bytes:
        self.readers.add(threading.get_ident())
        return super().read1(-1 if size is None else size)


async def test_rows_are_read_outside_the_event_loop(database: Database) -> None:
    class Queue:
        async def enqueue(self, transaction: Any, *jobs: Any) -> None:
            assert len(jobs) == ROWS

    layout = make_layout(msgspec.convert(SETTING, LayoutSetting))
    file = Watched(b"No,Name\n" + b"".join(b"%d,Lee\n" % number for number in range(ROWS)))
    seam = cast(
        ExportDeps,
        SimpleNamespace(
            uploads=PostgresUploads(database),
            database=database,
            receipts=PostgresReceipts(database, SEALER),
            queue=Queue(),
        ),
    )
    taken = await take_upload(
        seam,
        Connection(name="legacy", vendor=VENDOR, layout=layout),
        layout,
        file,
        principal="key_1",
        key=hashlib.sha256(b"1").hexdigest(),
        correlation_id="run-1",
    )

    assert taken.upload.accepted == ROWS
    assert file.readers
    assert threading.get_ident() not in file.readers
