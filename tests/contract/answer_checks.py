"""The contract's promises about every answer. The tests of this folder check them on every answer."""

import re
from typing import Any, Final

import httpx

from app.redaction import without_people

TRACERESPONSE: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
CORRELATION: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
SECRETS: Final = re.compile(r"lsk_[A-Za-z0-9_-]{40}|(hubspot|shopify|zendesk)-dev-token|postgres(ql)?://|Traceback")
SIGNS: Final = (b"lsk_", b"-dev-token", b"postgres", b"Traceback")
"""Every match of `SECRETS` contains one. To look for them takes a tenth of the time."""
CATEGORIES: Final = {"transient", "throttle", "permanent", "auth", "conflict"}
FAULTS: Final = {"caller", "vendor", "lockstitch"}
MEMBERS: Final = {
    *("type", "code", "title", "status", "detail", "instance", "category", "fault", "retryable", "retry_after"),
    *("next_step", "correlation_id"),
}
OPTIONAL: Final = {"errors", "vendor", "operation_id", "candidates"}
REFUSED: Final = re.compile(r";\s*q=0(\.0*)?\s*$")
MOST_ERRORS: Final = 100
# n8n treats a body with such a top-level member as a failure, or shows it in place of the real text.
MISUNDERSTOOD: Final = {"error", "message", "cause", "reason"}


def check_answer(response: httpx.Response) -> None:
    """Hook for an httpx client: check what the contract promises about every answer."""
    response.read()
    headers = response.headers
    assert CORRELATION.fullmatch(headers.get("x-correlation-id", "")), headers
    assert TRACERESPONSE.fullmatch(headers.get("traceresponse", "")), headers
    assert len(headers.get_list("x-correlation-id")) == 1
    assert response.status_code < 500 or response.status_code in (502, 503, 504), response.text
    if any(sign in response.content for sign in SIGNS):
        assert not SECRETS.search(response.text), response.text
    assert "content-encoding" not in headers
    if response.request.method == "HEAD" or response.status_code in (204, 304):
        assert response.content == b""
        return
    if response.status_code >= 400:
        check_problem(response)
    elif response.request.url.path.startswith(("/v1/", "/ops/")):
        if response.request.headers.get("accept") == "text/csv":
            assert headers["content-type"] == "text/csv; charset=utf-8", headers
            return
        assert headers["content-type"] == "application/json", headers
        body = response.json()
        assert isinstance(body, list) or not MISUNDERSTOOD & body.keys(), body


def problem_type(accept: str) -> str:
    """Return the media type of a problem for this Accept header: plain JSON only if the header has that or `*/*`, as
    those of automation tools do, and does not name the other."""
    parts = accept.lower().split(",")
    wanted, refused = (
        {part.partition(";")[0].strip() for part in parts if bool(REFUSED.search(part)) is refusal}
        for refusal in (False, True)
    )
    plain = "application/json" in wanted or ("*/*" in wanted and "application/json" not in refused)
    plain = plain and "application/problem+json" not in wanted
    return "application/json" if plain else "application/problem+json"


def check_problem(response: httpx.Response) -> dict[str, Any]:
    """Check that a problem document is complete and agrees with its headers, and return it."""
    assert response.headers["content-type"] == problem_type(response.request.headers.get("accept", "")), (
        response.headers
    )
    problem: dict[str, Any] = response.json()
    assert MEMBERS <= problem.keys() <= MEMBERS | OPTIONAL, problem
    assert problem["status"] == response.status_code
    assert problem["type"].endswith(f"/problems/{problem['code']}")
    assert problem["type"].startswith("http")
    assert problem["category"] in CATEGORIES
    assert problem["fault"] in FAULTS
    assert problem["detail"]
    assert problem["next_step"]
    assert problem["instance"] == without_people(response.request.url.path[:2000])
    if "idempotent-replayed" not in response.headers:
        assert problem["correlation_id"] == response.headers["x-correlation-id"]
    assert len(problem.get("errors", [])) <= MOST_ERRORS
    for error in problem.get("errors", []):
        assert len(error.keys() & {"pointer", "parameter", "header"}) == 1, error
        assert error["detail"]
    retry_after = response.headers.get("retry-after")
    if response.status_code in (429, 503) or problem["code"] == "idempotency-in-progress":
        assert retry_after is not None, f"{problem['code']} has no Retry-After"
    if retry_after is not None:
        assert retry_after.isdecimal()
        assert int(retry_after) >= 1
        assert problem["retry_after"] == int(retry_after)
    if response.status_code == 401:
        proof = "Webhook-Signature " if problem["code"] == "invalid-signature" else "Bearer "
        assert response.headers["www-authenticate"].startswith(proof)
    if response.status_code == 405:
        assert response.headers["allow"]
    return problem
