"""`GET /problems/{code}`: what a problem means, for a person or a program."""

from html import escape
from typing import Any

from litestar import Response, route

from app.errors import CATALOGUE, NotFound, Problem
from app.http.accept import quality
from app.http.admission import AnyRequest
from app.http.responses import Answered, json_response
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
