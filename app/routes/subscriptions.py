"""Subscriptions: REST hooks for automation platforms, and what their owners do with them."""

from litestar import Response, route

from app.flows.decode import decode_patch
from app.flows.subscriptions import (
    SubscriptionRequest,
    deliver_test,
    enable,
    get_subscription,
    list_subscriptions,
    rotate_secret,
    subscribe,
    unsubscribe,
)
from app.problem_document import JSON
from app.routes.admission import AnyRequest, admit, read_body
from app.routes.answers import json_response, page_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of

READ = "subscriptions:read"
WRITE = "subscriptions:write"


@route("/v1/subscriptions", http_method=["GET"], name="list subscriptions")
async def list_all(request: AnyRequest) -> Answered:
    """All subscriptions, newest first."""
    await admit(request, READ)
    query = Query(request, ("limit", "cursor"))
    limit = query.whole("limit", 1, 250, 50)
    after = query.text("cursor", 80)
    if after is not None and not after.startswith("sub_"):
        query.complain("cursor", "is not a cursor of this list")
    query.check()
    return page_response(request, await list_subscriptions(services_of(request).seam, after=after, limit=limit))


@route("/v1/subscriptions", http_method=["POST"], name="create subscription", status_code=201)
async def create(request: AnyRequest) -> Answered:
    """A new subscription, with the only sight of its secret."""
    admitted = await admit(request, WRITE)
    wanted = decode_patch(await read_body(request, (JSON,)), SubscriptionRequest)
    Query(request, ()).check()
    made = await subscribe(services_of(request).seam, wanted, principal=admitted.caller.principal)
    return json_response(made, status=201, headers={"location": f"/v1/subscriptions/{made.id}"})


@route("/v1/subscriptions/{id:str}", http_method=["GET"], name="read subscription")
async def read_one(request: AnyRequest) -> Answered:
    """One subscription, and how it stands with it."""
    await admit(request, READ)
    Query(request, ()).check()
    return json_response(await get_subscription(services_of(request).seam, request.path_params["id"]))


@route("/v1/subscriptions/{id:str}", http_method=["DELETE"], name="delete subscription", status_code=200)
async def delete(request: AnyRequest) -> Answered:
    """No subscription of this id is left, whether there was one or not."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    await unsubscribe(services_of(request).seam, request.path_params["id"], principal=admitted.caller.principal)
    return Response(b"", status_code=204)


@route("/v1/subscriptions/{id:str}/rotate-secret", http_method=["POST"], name="rotate secret", status_code=200)
async def rotate(request: AnyRequest) -> Answered:
    """Another secret; the old one signs for a day more."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    view = await rotate_secret(
        services_of(request).seam, request.path_params["id"], principal=admitted.caller.principal
    )
    return json_response(view)


@route("/v1/subscriptions/{id:str}/test", http_method=["POST"], name="test subscription", status_code=200)
async def test(request: AnyRequest) -> Answered:
    """A sample Event is sent at once; the answer tells what came of it."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    seam = services_of(request).seam
    return json_response(await deliver_test(seam, request.path_params["id"], correlation_id=admitted.correlation_id))


@route("/v1/subscriptions/{id:str}/enable", http_method=["POST"], name="enable subscription", status_code=200)
async def enable_again(request: AnyRequest) -> Answered:
    """What has waited is delivered, and what comes."""
    admitted = await admit(request, WRITE)
    await read_body(request, ())
    Query(request, ()).check()
    view = await enable(services_of(request).seam, request.path_params["id"], principal=admitted.caller.principal)
    return json_response(view)


HANDLERS = [list_all, create, read_one, delete, rotate, test, enable_again]
