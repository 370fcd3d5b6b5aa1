"""Problems as pages, for operators. The texts of `app.errors` are for callers of the API."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Response
from litestar.exceptions import MethodNotAllowedException as NoSuchMethod
from litestar.exceptions import NotFoundException as NoSuchRoute

from app import telemetry
from app.console.pages import HOME, View, page_of, rendered
from app.console.sign_in import session_ended
from app.errors import (
    BodyTooLarge,
    ConnectionPaused,
    Forbidden,
    Internal,
    InvalidField,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    StateConflict,
    StoreUnavailable,
    Unauthenticated,
    UnsupportedMediaType,
    VendorThrottled,
    VendorTimeout,
    VendorUnavailable,
)
from app.http.admission import AnyRequest
from app.http.edge import ASKED, answer_headers, correlation_of, path_of
from app.http.responses import problem_of, problem_response
from app.problem_document import Problem, document_of

_FORM_AGAIN: Final = "Go back, load the page again, and use its form; nothing was done."
_VENDOR_LATER: Final = "Try again later. Its page under Connections shows its state."
_STEPS: Final[Mapping[type[Problem], str]] = {
    NotFound: "The lists of the console show what there is.",
    MethodNotAllowed: "This address takes the form of a button. Open the page that has the button.",
    Forbidden: "Sign in with a key that has it: lockstitch key create NAME --scope ops:read --scope ops:write",
    BodyTooLarge: "Go back, and shorten it; nothing was done.",
    MalformedBody: _FORM_AGAIN,
    UnsupportedMediaType: _FORM_AGAIN,
    InvalidField: "Go back, and correct it.",
    StateConflict: "Open its page again: it shows what is still possible.",
    RateLimited: "Wait a minute, and try again.",
    VendorThrottled: _VENDOR_LATER,
    ConnectionPaused: _VENDOR_LATER,
    VendorUnavailable: _VENDOR_LATER,
    VendorTimeout: _VENDOR_LATER,
    StoreUnavailable: "To find the reason: lockstitch doctor. Look whether an action was done before you repeat it.",
    Internal: "The log of the API has the reason: search it for the run below. Look whether an action was done before"
    " you repeat it.",
}
"""What an operator can do, where the problem itself does not say."""
_TITLES: Final[Mapping[type[Problem], str]] = {
    MethodNotAllowed: "This is not a page",
    MalformedBody: "The form is not readable",
    UnsupportedMediaType: "This is not a form of the console",
    BodyTooLarge: "The form is too large",
}
"""Problems of the form itself, whose own texts are always about the API."""


def answer_problem(request: AnyRequest, error: Exception) -> Response[Any]:
    """Return the problem of a request to the console as a page, any other as a document."""
    path = path_of(request.scope)
    is_ours = path == HOME or path.startswith(f"{HOME}/")
    return _page(request, error) if is_ours and request.scope["method"] != ASKED else problem_response(request, error)


def _page(request: AnyRequest, error: Exception) -> Response[Any]:
    path = path_of(request.scope)
    if isinstance(error, NoSuchRoute) or path != request.scope["path"]:
        error = NotFound(f"There is no page {path[:200]} here.", next_step="Use the links above.")
    problem = problem_of(request, error)
    correlation_id = correlation_of(request.scope).value
    document = document_of(problem, public_url="", instance=path[:2000], correlation_id=correlation_id)
    telemetry.name_problem(problem.code, problem.operation_id)
    answer_headers(request.scope).extend(problem.headers)
    kind = type(problem)
    if kind is Unauthenticated:
        return session_ended(request, page_of(path))
    says_how = "next_step" in vars(problem) and kind not in _TITLES
    return rendered(
        request,
        View(
            "problem.html",
            status=document.status,
            problem=document,
            title=_TITLES.get(kind, document.title),
            detail="" if isinstance(error, NoSuchMethod) or kind is Internal else document.detail.removeprefix("/"),
            next_step=document.next_step if says_how else _STEPS.get(kind, document.next_step),
            path=page_of(path) if request.method == "POST" and kind is not NotFound else None,
            again=kind is StoreUnavailable and request.method == "GET",
        ),
    )
