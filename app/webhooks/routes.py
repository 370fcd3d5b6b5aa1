"""Webhooks of vendors. Their signature is the key to this door, and the answer is the least that a vendor needs."""

from typing import Final

from litestar import route

from app.http.admission import AnyRequest, read_body
from app.http.deps import HttpDeps, deps_of
from app.http.edge import correlation_of
from app.http.responses import Answered, json_response
from app.signatures import HandshakeAnswer, SignedRequest
from app.telemetry import name_route
from app.webhooks.receive import Received, WebhookReceiver

PATH = "/v1/webhooks/{connection}"


@route("/v1/webhooks/{connection:str}", http_method=["POST", "HEAD"], name="receive webhook", status_code=202)
async def receive(request: AnyRequest, connection: str) -> Answered:
    """Prove a webhook and record it; 202 once that is committed. What it says is not looked at here, and neither is
    its media type."""
    name_route(PATH)
    body = await read_body(request, ())
    signed = SignedRequest(
        method=request.scope["method"],
        url=deps_of(request, HttpDeps).public_url + _target(request),
        headers=tuple(request.scope["headers"]),
        body=body,
    )
    outcome = await deps_of(request, WebhookReceiver).receive(connection, signed, correlation_of(request.scope).value)
    if isinstance(outcome, HandshakeAnswer):
        return json_response(Received(accepted=0, duplicates=0), status=outcome.status)
    return json_response(outcome, status=202)


def _target(request: AnyRequest) -> str:
    """Path and query as they were sent, byte for byte: vendors sign them so."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


HANDLERS: Final = (receive,)
