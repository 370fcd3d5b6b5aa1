"""`GET /v1/me`: the key that was sent."""

from typing import Final

from litestar import route

from app.http.admission import AnyRequest, admit
from app.http.query import Query
from app.http.responses import Answered, json_response


@route("/v1/me", http_method=["GET"], name="who am I")
async def me(request: AnyRequest) -> Answered:
    """The key that was sent: its name, scopes and end."""
    admitted = await admit(request, None)
    Query(request, ()).check()
    caller = admitted.caller
    return json_response({"name": caller.name, "scopes": sorted(caller.scopes), "expires_at": caller.expires_at})


HANDLERS: Final = (me,)
