"""What a caller may ask about itself and about the promise: `/v1/me`, the data contracts, and what a problem means."""

from html import escape
from typing import Any

from litestar import Response, route

from app.errors import CATALOGUE, NotFound, Problem
from app.flows.contracts import describe_contract, list_contracts
from app.flows.paging import whole_list
from app.routes.admission import AnyRequest, admit
from app.routes.answers import json_response
from app.routes.media import quality
from app.routes.queries import Query
from app.routes.resources import Answered
from app.routes.services import services_of
from app.telemetry import name_route

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{code} - Lockstitch</title>
<style>body{{font:17px/1.55 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1c2330}}
code{{background:#eef1f5;padding:.1em .35em;border-radius:4px}}dt{{font-weight:600;margin-top:.8rem}}
h1{{font-size:1.6rem}}dd{{margin:0}}</style></head>
<body><p><code>{code}</code> &middot; HTTP {status}</p><h1>{title}</h1><p>{meaning}</p>
<dl><dt>What to do</dt><dd>{next_step}</dd>
<dt>Whose turn</dt><dd>{fault}</dd><dt>Kind</dt><dd>{category}</dd>
<dt>Does trying again help?</dt><dd>{retry}</dd></dl></body></html>
"""


@route("/v1/me", http_method=["GET"], name="who am I")
async def me(request: AnyRequest) -> Answered:
    """The key that was sent: its name, scopes and end."""
    admitted = await admit(request, None)
    Query(request, ()).check()
    caller = admitted.caller
    return json_response({"name": caller.name, "scopes": sorted(caller.scopes), "expires_at": caller.expires_at})


@route("/v1/contracts", http_method=["GET"], name="list contracts")
async def contracts(request: AnyRequest) -> Answered:
    """The data contracts, in short."""
    await admit(request, None)
    Query(request, ()).check()
    return json_response(whole_list(list_contracts()))


@route("/v1/contracts/{object:str}", http_method=["GET"], name="read contract")
async def contract(request: AnyRequest) -> Answered:
    """One data contract, its JSON Schema, and what each connection reads and writes."""
    await admit(request, None)
    Query(request, ()).check()
    return json_response(describe_contract(services_of(request).seam, request.path_params["object"]))


@route("/problems/{code:str}", http_method=["GET"], name="explain problem")
async def explain_problem(request: AnyRequest) -> Answered:
    """What a problem means: a page for a person, JSON for a program."""
    name_route("/problems/{code}")
    kind = CATALOGUE.get(request.path_params["code"])
    if kind is None:
        raise NotFound("No problem has this code.", next_step=f"There are: {', '.join(sorted(CATALOGUE))}.")
    facts = _facts(kind)
    accept = request.headers.getall("accept", [])
    if quality(accept, "text/html") > quality(accept, "application/json"):
        shown = {name: escape(str(value)) for name, value in facts.items() if name != "retryable"}
        retry = "Yes, later or as Retry-After says." if kind.retryable else "No: something has to change first."
        return Response(PAGE.format(**shown, retry=retry).encode(), media_type="text/html")
    return json_response(facts)


def _facts(kind: type[Problem]) -> dict[str, Any]:
    return {
        "code": kind.code,
        "status": kind.status,
        "title": kind.title,
        "meaning": " ".join((kind.__doc__ or "").split()),
        "category": kind.category,
        "fault": kind.fault,
        "retryable": kind.retryable,
        "next_step": kind.next_step,
    }
