"""Every route of the console."""

from pathlib import PurePath
from typing import Any, Final

from litestar import Response

from app import telemetry
from app.console import changes, connections, dead_letters, now, persons, runs, sign_in, subscribers, unknown_writes
from app.console.pages import HEADERS, console_route
from app.console.templates import ASSETS, MEDIA_TYPES
from app.errors import NotFound
from app.http.admission import AnyRequest
from app.http.operation import handlers_of

ASSET: Final = "/console/assets/{name}"
FOR_EVER: Final = "public, max-age=31536000, immutable"


async def read_asset(request: AnyRequest) -> Response[Any]:
    """Return the style sheet or the script. Pages name it with its version."""
    telemetry.name_route(ASSET)
    name = request.path_params["name"]
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    headers = {**HEADERS, "cache-control": FOR_EVER}
    return Response(ASSETS[name], media_type=MEDIA_TYPES[PurePath(name).suffix], headers=headers)


HANDLERS: Final = (
    console_route(ASSET, "GET", read_asset),
    *handlers_of(sign_in, now, runs, dead_letters, unknown_writes, connections, subscribers, persons, changes),
)
