"""Exports of legacy systems: the calls and their texts."""

from typing import Any, Final

from msgspec import Struct

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call
from app.uploads.views import UploadView
from mappings.csv.export import MOST_ROWS

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="post",
        path="/v1/uploads/{connection}",
        tag="Uploads",
        name="upload_export",
        summary="Upload an export",
        description=(
            "Send a CSV file with a header, in the layout of the connection (RFC 4180; at most 32 MiB and"
            f" {MOST_ROWS} rows). The answer is 202 once every row is recorded. A row that equals the last row of its"
            " record is a duplicate, so you can send a file again. After an interruption, the same key continues the"
            " same upload. A row that cannot be read becomes a dead letter that names row and column; the others become"
            " events. A file with a missing column or an unclosed quote is refused as a whole. The required scope is"
            " that of the object in the layout."
        ),
        scopes=("customers:write", "orders:write", "tickets:write"),
        status=202,
        answer="Upload",
        body_text=("text/csv", "Customer No,Name,E-mail\r\n4711,Ann Lee,ann@example.com\r\n"),
        headers=("Idempotency-Key", *READ_HEADERS),
        problems=(
            *OWN_PROBLEMS,
            *("idempotency-key-missing", "idempotency-key-invalid", "malformed-body", "body-too-large"),
            *("unsupported-media-type", "idempotency-key-reused", "idempotency-in-progress"),
        ),
    ),
    Call(
        method="get",
        path="/v1/uploads/{connection}/{id}",
        tag="Uploads",
        name="read_upload",
        summary="Read the progress of an upload",
        description="Kept as long as receipts (`[retention]`, 30 days).",
        scopes=(
            *("customers:read", "customers:write", "orders:read", "orders:write"),
            *("tickets:read", "tickets:write"),
        ),
        answer="Upload",
        headers=READ_HEADERS,
        problems=OWN_PROBLEMS,
    ),
)

TEXTS: Final[dict[type[Struct], dict[str, tuple[str, Any]]]] = {
    UploadView: {
        "id": ("The upload's id.", '"upl_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "connection": ("The connection of the export.", '"legacy"'),
        "object": ("The object that its rows hold.", '"customer"'),
        "state": (
            "`recording` while rows are recorded, `working` while rows wait to be processed, then `done`.",
            '"working"',
        ),
        "rows": ("Rows in the file, without the header.", "10000"),
        "seen": ("Rows that are recorded, duplicates included.", "10000"),
        "accepted": ("Rows with new content.", "9800"),
        "duplicates": ("Rows that equal the last row of their record.", "200"),
        "settled": ("Accepted rows that became events, or changed nothing.", "9000"),
        "refused": ("Accepted rows that are now dead letters.", "37"),
        "discarded": ("Accepted rows that an operator discarded.", "0"),
        "waiting": ("Accepted rows that still wait to be processed.", "763"),
        "correlation_id": ("The run that sent it. Use it to find its dead letters.", '"legacy-import-4711"'),
        "created_at": ("When the upload began.", '"2026-05-01T09:30:00Z"'),
        "recorded_at": ("When all rows were recorded; null before.", '"2026-05-01T09:30:09Z"'),
    },
}
"""Description and example of every field."""

NAMES: Final = {"UploadView": "Upload"}
"""Public names of Structs."""
