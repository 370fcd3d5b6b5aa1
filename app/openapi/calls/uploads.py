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
        summary="Send an export",
        description=(
            "A CSV file of at most 32 MiB with a header, as the connection's layout describes it (RFC 4180; at most"
            f" {MOST_ROWS} rows). 202 once every row is recorded. A row whose record last said the same is a duplicate,"
            " so that a file may be sent again, also after one that broke off: under the same key it goes on where it"
            " had come to. A row that cannot be read becomes a dead letter that names row and column; the others become"
            " events. A file that lacks a column, or is not quoted as it should be, is refused as a whole. The scope is"
            " that of the object that the layout names."
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
        summary="How far an export has come",
        description="Kept as long as receipts are (`[retention]`, 30 days).",
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
        "connection": ("Whose export it is.", '"legacy"'),
        "object": ("What its rows are.", '"customer"'),
        "state": (
            "`recording` while rows come in, `working` while some wait for their turn, then `done`.",
            '"working"',
        ),
        "rows": ("Rows of the file, without the header.", "10000"),
        "seen": ("Rows that are recorded, or were there already.", "10000"),
        "accepted": ("Rows that said something new.", "9800"),
        "duplicates": ("Rows that said what was last said of their record.", "200"),
        "settled": ("Accepted rows that were told as events, or turned out to change nothing.", "9000"),
        "refused": ("Accepted rows that are dead letters now.", "37"),
        "discarded": ("Accepted rows that a person has let go.", "0"),
        "waiting": ("Accepted rows that have still to be worked on.", "763"),
        "correlation_id": ("The run that sent it; its dead letters are found by it.", '"legacy-import-4711"'),
        "created_at": ("When it was first sent.", '"2026-05-01T09:30:00Z"'),
        "recorded_at": ("When all rows were recorded; null before that.", '"2026-05-01T09:30:09Z"'),
    },
}
"""Sentence and example of every field."""

NAMES: Final = {"UploadView": "Upload"}
"""How callers call it."""
