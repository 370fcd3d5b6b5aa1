"""HTTP operations of the OpenAPI document and its HTML page."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler

from app.http.admission import AnyRequest
from app.http.deps import HttpDeps
from app.http.edge import deps_of
from app.http.operation import public_operation
from app.http.parameters import Query, boolean
from app.http.responses import Answered
from app.openapi.document import document
from app.openapi.page import render_page
from app.problem_document import JSON

HTML: Final = "text/html"
OPTIONAL_HEADERS: Final = boolean(
    "optional_headers",
    "Describe the optional headers as parameters. Otherwise they are left out, because tools that import the document"
    " send them all.",
)
PAGE_HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


def schema_handlers(served: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Declare the operations that describe the `served` ones, and themselves."""

    # Public, without a key: cache the text, so that many requests cost little.
    @lru_cache(maxsize=4)
    def json_text(public_url: str, *, optional_headers: bool) -> bytes:
        return msgspec.json.encode(document(public_url, described, optional_headers=optional_headers))

    @lru_cache(maxsize=4)
    def page_text(public_url: str) -> bytes:
        return render_page(document(public_url, described, optional_headers=True)).encode()

    @public_operation(
        "GET",
        "/schema/openapi.json",
        tag="About",
        query=(OPTIONAL_HEADERS,),
        answer=dict,
        problems=("invalid-field",),
    )
    async def read_openapi(request: AnyRequest) -> Answered:
        """Get this reference as OpenAPI 3.1."""
        query = Query(request, (OPTIONAL_HEADERS,))
        query.check()
        wanted = query.values[OPTIONAL_HEADERS.name] is True
        text = json_text(deps_of(request, HttpDeps).public_url, optional_headers=wanted)
        return Response(text, media_type=JSON)

    @public_operation("GET", "/schema", tag="About", media_type=HTML, answer=str)
    async def read_reference(request: AnyRequest) -> Answered:
        """Show this reference as HTML."""
        return Response(page_text(deps_of(request, HttpDeps).public_url), media_type=HTML, headers=PAGE_HEADERS)

    handlers = [read_reference, read_openapi]
    described = [*served, *handlers]
    return handlers
