"""`GET /problems/{code}`: the meaning of a problem, for a person or a program."""

from html import escape

from litestar import Response
from msgspec import Struct
from msgspec.structs import asdict

from app.errors import CATALOGUE, NotFound
from app.http.accept import quality
from app.http.admission import AnyRequest
from app.http.edge import headers_of
from app.http.operation import public_operation
from app.http.parameters import PathText
from app.http.responses import Answered, json_response
from app.problem_document import Problem

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{code} - Lockstitch</title>
<style>body{{font:17px/1.55 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1c2330}}
code{{background:#eef1f5;padding:.1em .35em;border-radius:4px}}dt{{font-weight:600;margin-top:.8rem}}
h1{{font-size:1.6rem}}dd{{margin:0}}</style></head>
<body><p><code>{code}</code> &middot; HTTP {status}</p><h1>{title}</h1><p>{meaning}</p>
<dl><dt>What to do</dt><dd>{next_step}</dd>
<dt>Who must act</dt><dd>{fault}</dd><dt>Kind</dt><dd>{category}</dd>
<dt>Does a retry help?</dt><dd>{retry}</dd></dl></body></html>
"""


class ProblemExplanation(Struct, frozen=True, kw_only=True):
    """The meaning of a problem code."""

    code: str
    """The problem code. Example: `"not-found"`"""
    status: int
    """The HTTP status. Example: `404`"""
    title: str
    """The title. Example: `"Not found"`"""
    meaning: str
    """The meaning. Example: `"There is no such route, record, or connection in the id."`"""
    category: str
    """The kind of failure. Example: `"permanent"`"""
    fault: str
    """Who must change something. Example: `"caller"`"""
    retryable: bool
    """Whether the same request can succeed later. Example: `false`"""
    next_step: str
    """What to do. Example: `"Check the path and the id."`"""


@public_operation(
    "GET",
    "/problems/{code}",
    tag="About",
    parameters=(PathText("code", "A problem's code.", "not-found"),),
    answer=ProblemExplanation,
    also_media_types=("text/html",),
)
async def explain_problem(request: AnyRequest) -> Answered:
    """Explain a problem.

    HTML for people (`Accept: text/html`), JSON for programs.
    """
    kind = CATALOGUE.get(request.path_params["code"])
    if kind is None:
        raise NotFound("No problem has this code.", next_step=f"The codes are {', '.join(sorted(CATALOGUE))}.")
    explanation = _explanation(kind)
    accept = headers_of(request.scope).get("accept", [])
    if quality(accept, "text/html") > quality(accept, "application/json"):
        escaped = {name: escape(str(value)) for name, value in asdict(explanation).items() if name != "retryable"}
        retry = "Yes, after Retry-After or a pause." if kind.retryable else "No: change something first."
        return Response(PAGE.format(**escaped, retry=retry).encode(), media_type="text/html")
    return json_response(explanation)


def _explanation(kind: type[Problem]) -> ProblemExplanation:
    facts = {name: getattr(kind, name) for name in ProblemExplanation.__struct_fields__ if name != "meaning"}
    return ProblemExplanation(meaning=" ".join((kind.__doc__ or "").split()), **facts)
