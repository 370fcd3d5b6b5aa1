"""HTTP operations of claims."""

from typing import Annotated, Final

from litestar import Response
from msgspec import Meta, Struct

from app.claims.store import ClaimView, PostgresClaims
from app.errors import AlreadyClaimed
from app.http.edge import headers_of
from app.http.headers import Header, idempotency_key
from app.http.operation import Call, JsonBody, operation
from app.http.parameters import PathText
from app.http.plurals import WRITE_SCOPES
from app.http.responses import Answered, json_response

LONGEST: Final = 7 * 86_400
REQUEST_KEY: Final = Header(
    name="Idempotency-Key",
    meaning="Identifies this attempt to claim, such as the id of the execution: the same key again renews the claim"
    " that it has. Without a key, every call is an attempt of its own.",
    example="wf-12-execution-4711",
    read=lambda request, _: idempotency_key(request) if "idempotency-key" in headers_of(request.scope) else None,
    problems=("idempotency-key-invalid",),
)


class NewClaim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to claim."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    """What only one run may do, for all keys. Example: `"order-4711-refund-mail"`"""
    ttl: Annotated[int, Meta(ge=1, le=LONGEST)]
    """Seconds from now until the claim ends, at most seven days. Example: `3600`"""


BODY: Final = JsonBody(into=NewClaim, example={"name": "order-4711-refund-mail", "ttl": 3600})


@operation(
    "POST",
    "/v1/claims",
    tag="Claims",
    scopes=WRITE_SCOPES,
    headers=(REQUEST_KEY,),
    body=BODY,
    status=201,
    answer=ClaimView,
    also={200: ClaimView},
    problems=("claimed",),
)
async def take_claim(call: Call) -> Answered:
    """Claim a name.

    Of all runs that claim a name, also at the same time, one gets 201. The others get 409 `claimed` with the
    correlation id of that run, until `ttl` seconds are over or the claim is released. So an event that starts a
    workflow twice has its effect once.

    The same `Idempotency-Key` renews a claim that has not ended: 200 with the same `id`, and `ttl` counts from now. It
    may be longer or shorter than what was left. So claim for as long as the work takes at most, and renew the claim
    after the work, for the time in which it may be repeated: a run that dies in between blocks the next one only
    briefly. Release the claim if the work failed.
    """
    wanted = call.body(BODY)
    taken = await call.deps(PostgresClaims).take(
        wanted.name, wanted.ttl, principal=call.caller.principal, request_key=call.header(REQUEST_KEY)
    )
    claim = taken.claim
    if taken.is_own:
        return json_response(claim, status=201 if taken.is_new else 200)
    raise AlreadyClaimed(
        f"The run {claim.correlation_id} has claimed this name until {claim.expires_at:%Y-%m-%dT%H:%M:%SZ}."
    )


@operation(
    "DELETE",
    "/v1/claims/{id}",
    tag="Claims",
    scopes=WRITE_SCOPES,
    parameters=(PathText("id", "Id of the claim.", "clm_0198f0a2b7c47d3c9a51f2e80b6c4d17"),),
    status=204,
    never=("not-found",),
)
async def release_claim(call: Call) -> Answered:
    """Release a claim.

    Then the next run can claim the name. A claim of another key stays; one that has ended is a 204 too.
    """
    await call.deps(PostgresClaims).release(call.path("id"), principal=call.caller.principal)
    return Response(b"", status_code=204)
