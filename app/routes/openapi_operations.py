"""Every call of the API as data: what the OpenAPI document says of it."""

from typing import Final, Literal

from msgspec import Struct

from app.routes.operations import SCOPES

Method = Literal["get", "post", "patch", "delete"]

READ_PROBLEMS: Final = (
    *("unauthenticated", "forbidden", "not-found", "not-acceptable", "invalid-correlation-id", "invalid-field"),
    *("unsupported-action", "rate-limited", "vendor-rejected", "vendor-throttled", "vendor-auth-failed"),
    *("vendor-drift", "vendor-unavailable", "vendor-timeout", "connection-paused", "internal", "store-unavailable"),
)
WRITE_PROBLEMS: Final = (
    *READ_PROBLEMS,
    *("malformed-body", "idempotency-key-missing", "idempotency-key-invalid", "body-too-large"),
    *("unsupported-media-type", "unsupported-field", "idempotency-key-reused", "idempotency-in-progress"),
    *("outcome-unknown", "duplicate-record", "version-conflict"),
)
OWN_PROBLEMS: Final = (
    *("unauthenticated", "forbidden", "not-found", "not-acceptable", "invalid-correlation-id", "invalid-field"),
    *("rate-limited", "internal", "store-unavailable"),
)
ARCHIVE_PROBLEMS: Final = tuple(code for code in WRITE_PROBLEMS if code != "unsupported-media-type")
CHECK_PROBLEMS: Final = (*READ_PROBLEMS, "malformed-body", "body-too-large")
DECISION_PROBLEMS: Final = (*CHECK_PROBLEMS, "unsupported-media-type")


class Call(Struct, frozen=True, kw_only=True):
    """One operation. `answer` is the component of its success; `body` that of its request; `queries` and `headers`
    name parameters; any of the `scopes` opens it, any key where there are none, anybody where it is `open`."""

    method: Method
    path: str
    tag: str
    name: str
    summary: str
    description: str = ""
    scopes: tuple[str, ...] = ()
    open: bool = False
    status: int = 200
    also: tuple[int, ...] = ()
    answer: str | None = None
    media_type: str = "application/json"
    body: str | None = None
    queries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = OWN_PROBLEMS


READ_HEADERS: Final = ("X-Correlation-ID", "traceparent")
WRITE_HEADERS: Final = ("Idempotency-Key", "Prefer", *READ_HEADERS)
REPLAYS: Final = (
    "Repeating the request with its key replays the recorded answer byte for byte, without touching the vendor."
    " Records live 7 days by default (LOCKSTITCH_OPERATION_RETENTION_DAYS); after that the key is free again."
    " While the outcome is not decided the answer is 202 with the operation."
)


def _resource(plural: str, single: str, one: str, filters: tuple[str, ...], keys: str) -> tuple[Call, ...]:
    shape, base, tag = single.title(), f"/v1/{plural}", plural.title()
    reads, writes = f"{plural}:read", f"{plural}:write"
    return (
        Call(
            method="get",
            path=base,
            tag=tag,
            name=f"list_{plural}",
            summary=f"List {plural}",
            description="Live, straight from the connection. Filters are exact; a connection without one says so.",
            scopes=(reads,),
            answer=f"{shape}List",
            queries=("connection", "limit", "cursor", "updated_since", *filters),
            headers=READ_HEADERS,
            problems=READ_PROBLEMS,
        ),
        Call(
            method="post",
            path=base,
            tag=tag,
            name=f"create_{single}",
            summary=f"Create {one}, or create or update it",
            description=f"With `upsert_on` ({keys}) the {single} that holds the value is updated, or made. {REPLAYS}",
            scopes=(writes,),
            status=201,
            also=(200, 202),
            answer=shape,
            body=f"{shape}Patch",
            queries=("connection", "upsert_on", "lossy"),
            headers=WRITE_HEADERS,
            problems=WRITE_PROBLEMS,
        ),
        Call(
            method="get",
            path=f"{base}/{{id}}",
            tag=tag,
            name=f"read_{single}",
            summary=f"Read {one}",
            description="Live, straight from the connection.",
            scopes=(reads,),
            also=(304,),
            answer=shape,
            queries=("connection", "include"),
            headers=("If-None-Match", *READ_HEADERS),
            problems=READ_PROBLEMS,
        ),
        Call(
            method="patch",
            path=f"{base}/{{id}}",
            tag=tag,
            name=f"change_{single}",
            summary=f"Change {one}",
            description=f"JSON Merge Patch (RFC 7396): absent leaves, null clears, arrays are replaced. {REPLAYS}",
            scopes=(writes,),
            also=(202,),
            answer=shape,
            body=f"{shape}Patch",
            queries=("connection", "lossy"),
            headers=("If-Match", *WRITE_HEADERS),
            problems=WRITE_PROBLEMS,
        ),
    )


CALLS: Final[tuple[Call, ...]] = (
    *_resource("customers", "customer", "a customer", ("email", "external_id"), "email or external_id"),
    Call(
        method="delete",
        path="/v1/customers/{id}",
        tag="Customers",
        name="archive_customer",
        summary="Archive a customer",
        description=f"Where the vendor can. {REPLAYS}",
        scopes=("customers:write",),
        also=(202,),
        answer="Archived",
        queries=("connection",),
        headers=("If-Match", *WRITE_HEADERS),
        problems=ARCHIVE_PROBLEMS,
    ),
    *_resource("orders", "order", "an order", ("email", "number", "external_id", "status"), "external_id"),
    Call(
        method="post",
        path="/v1/orders/{id}/cancel",
        tag="Orders",
        name="cancel_order",
        summary="Cancel an order",
        description=f"202 while the vendor still works on it. {REPLAYS}",
        scopes=("orders:write",),
        also=(202,),
        answer="Order",
        body="OrderCancel",
        queries=("connection", "lossy"),
        headers=("If-Match", *WRITE_HEADERS),
        problems=WRITE_PROBLEMS,
    ),
    *_resource("tickets", "ticket", "a ticket", ("number", "external_id", "status"), "external_id"),
    Call(
        method="get",
        path="/v1/tickets/{id}/comments",
        tag="Tickets",
        name="list_comments",
        summary="List the comments of a ticket",
        description="Oldest first where the vendor lists them so.",
        scopes=("tickets:read",),
        answer="CommentList",
        queries=("connection", "limit", "cursor"),
        headers=READ_HEADERS,
        problems=READ_PROBLEMS,
    ),
    Call(
        method="post",
        path="/v1/tickets/{id}/comments",
        tag="Tickets",
        name="add_comment",
        summary="Add a comment to a ticket",
        description=REPLAYS,
        scopes=("tickets:write",),
        status=201,
        also=(202,),
        answer="Comment",
        body="CommentPatch",
        queries=("connection", "lossy"),
        headers=WRITE_HEADERS,
        problems=WRITE_PROBLEMS,
    ),
    Call(
        method="get",
        path="/v1/operations",
        tag="Operations",
        name="list_operations",
        summary="List operations, newest first",
        description="Those on objects that the key may see: any scope of an object shows its operations.",
        scopes=tuple(SCOPES),
        answer="OperationList",
        queries=("state", "limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/operations/{id}",
        tag="Operations",
        name="read_operation",
        summary="What became of a write",
        scopes=tuple(SCOPES),
        answer="Operation",
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/v1/operations/{id}/check",
        tag="Operations",
        name="check_operation",
        summary="Look at the vendor once more for an unknown outcome",
        scopes=("ops:write",),
        answer="Operation",
        headers=READ_HEADERS,
        problems=CHECK_PROBLEMS,
    ),
    Call(
        method="post",
        path="/v1/operations/{id}/resolve",
        tag="Operations",
        name="resolve_operation",
        summary="Decide an unknown outcome",
        description="`succeeded` with the record's remote id, or `failed`, which frees the key. Audited.",
        scopes=("ops:write",),
        answer="Operation",
        body="Resolution",
        headers=READ_HEADERS,
        problems=DECISION_PROBLEMS,
    ),
    Call(
        method="get",
        path="/v1/me",
        tag="About",
        name="who_am_i",
        summary="The key that was sent",
        answer="Me",
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/contracts",
        tag="About",
        name="list_contracts",
        summary="The data contracts",
        answer="ContractList",
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/contracts/{object}",
        tag="About",
        name="read_contract",
        summary="One data contract, its schemas, and what each connection reads and writes",
        answer="Contract",
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/problems/{code}",
        tag="About",
        name="explain_problem",
        summary="What a problem means",
        description="A page for a person (`Accept: text/html`), JSON for a program.",
        open=True,
        answer="ProblemExplanation",
        problems=("not-found", "internal"),
    ),
    Call(
        method="get",
        path="/schema",
        tag="About",
        name="read_reference",
        summary="This reference, as a page",
        open=True,
        media_type="text/html",
        problems=("internal",),
    ),
    Call(
        method="get",
        path="/schema/openapi.json",
        tag="About",
        name="read_openapi",
        summary="This reference, as OpenAPI 3.1",
        open=True,
        answer="OpenApi",
        problems=("internal",),
    ),
    Call(
        method="get",
        path="/health/live",
        tag="Health",
        name="live",
        summary="The process answers",
        open=True,
        answer="Liveness",
        problems=("internal",),
    ),
    Call(
        method="get",
        path="/health/ready",
        tag="Health",
        name="ready",
        summary="The database answers and is migrated",
        description="503 with the reasons otherwise. The worker's age is reported, not required.",
        open=True,
        answer="Readiness",
        problems=("internal", "store-unavailable"),
    ),
    Call(
        method="get",
        path="/metrics",
        tag="Health",
        name="metrics",
        summary="Figures for Prometheus",
        scopes=("ops:read",),
        media_type="text/plain",
        headers=READ_HEADERS,
    ),
)
