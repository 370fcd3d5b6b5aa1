"""What fields can hold at a connection, for drop-downs in workflow editors."""

from litestar import route

from app.errors import NotFound
from app.flows.locate import PLURAL
from app.flows.options import OLDEST, read_options
from app.routes.admission import AnyRequest, admit, admit_any
from app.routes.answers import json_response
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of

OBJECTS = tuple(name for name in PLURAL if name != "comment")
ANY_AGE = -1


@route("/v1/options/{connection:str}/{object:str}/{field:str}", http_method=["GET"], name="read options")
async def read(request: AnyRequest) -> Answered:
    """The options of one field, with their age."""
    asked = request.path_params
    object_name = next((name for name in OBJECTS if name == asked["object"]), None)
    if object_name is None:
        await admit(request, None)
        raise NotFound(f"There is no object {asked['object'][:80]!r}; there are: {', '.join(OBJECTS)}.")
    plural = PLURAL[object_name]
    await admit_any(request, (f"{plural}:read", f"{plural}:write"))
    query = Query(request, ("max_age",))
    max_age = query.whole("max_age", 0, OLDEST, ANY_AGE)
    query.check()
    view = await read_options(
        services_of(request).seam,
        asked["connection"],
        object_name,
        asked["field"],
        max_age=None if max_age == ANY_AGE else float(max_age),
    )
    return json_response(view)
