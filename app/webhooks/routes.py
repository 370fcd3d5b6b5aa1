"""HTTP operation of vendors' webhooks. The signature replaces the key."""

from app.http.admission import AnyRequest, read_body
from app.http.deps import HttpDeps
from app.http.edge import correlation_of, deps_of
from app.http.operation import public_operation
from app.http.parameters import PathText
from app.http.responses import Answered, json_response
from app.signatures import HandshakeAnswer, SignedRequest
from app.webhooks.receive import Received, WebhookReceiver


@public_operation(
    "POST",
    "/v1/webhooks/{connection}",
    tag="Webhooks",
    also_methods=("HEAD",),
    parameters=(PathText("connection", "The connection of the webhook.", "hubspot"),),
    status=202,
    answer=Received,
    also={200: Received},
    problems=("invalid-signature", "wrong-account", "rate-limited", "store-unavailable"),
)
async def receive_webhook(request: AnyRequest) -> Answered:
    """Receive a webhook of a vendor.

    For vendors. The signature over the raw body replaces the API key; every invalid signature gets the same answer. 202
    once the webhook is recorded. A duplicate is a success without effect. 200 answers a handshake. Accepts any media
    type, ignores `X-Correlation-ID`, and answers Intercom's HEAD request.
    """
    body = await read_body(request, ())
    signed = SignedRequest(
        method=request.scope["method"],
        url=deps_of(request, HttpDeps).public_url + _target(request),
        headers=tuple(request.scope["headers"]),
        body=body,
    )
    outcome = await deps_of(request, WebhookReceiver).receive(
        request.path_params["connection"], signed, correlation_of(request.scope).value
    )
    if isinstance(outcome, HandshakeAnswer):
        return json_response(Received(accepted=0, duplicates=0), status=outcome.status)
    return json_response(outcome, status=202)


def _target(request: AnyRequest) -> str:
    """Return path and query byte for byte as sent: vendors sign them so."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")
