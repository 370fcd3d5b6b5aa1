"""A problem as an exception, and its document (RFC 9457)."""

import math
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from app.redaction import without_people
from mappings.http import Category

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

Fault = Literal["caller", "vendor", "lockstitch"]

MAX_ERRORS: Final = 100
"""Errors that one problem lists. The detail counts the others."""
MAX_LENGTH: Final = 1000
"""Characters of a pointer or of an error's detail, which may repeat a member's name of any length."""


class FieldError(Struct, frozen=True, kw_only=True):
    """One error: at a JSON Pointer (RFC 6901) into the body, or about a query parameter or header."""

    pointer: str | UnsetType = UNSET
    """JSON Pointer (RFC 6901) into the body. Example: `"/emails/0/address"`"""
    parameter: str | UnsetType = UNSET
    """A query parameter. Example: `"limit"`"""
    header: str | UnsetType = UNSET
    """A header. Example: `"idempotency-key"`"""
    detail: str
    """What is wrong, and what is accepted. Example: `"not an e-mail address"`"""


def cut(text: str) -> str:
    """Shorten a pointer or detail to `MAX_LENGTH`."""
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def summary(errors: Sequence[FieldError]) -> str:
    """Return the first errors in one line, each with its place, and the number of further ones."""
    listed = [f"{cut(_place(error))}: {cut(error.detail)}" for error in errors[:MAX_ERRORS]]
    more = len(errors) - len(listed)
    return "; ".join([*listed, f"and {more:,} more"] if more else listed)


def sentence(text: str) -> str:
    """Return the text with a full stop, unless it ends like a sentence."""
    return text if text.endswith(("?", ".")) else f"{text}."


def _place(error: FieldError) -> str:
    return str(error.pointer or error.parameter or error.header or "The body")


class VendorSays(Struct, frozen=True, kw_only=True):
    """The vendor's answer in its own words, with the request id that its support asks for."""

    connection: str
    """The connection that answered. Example: `"hubspot"`"""
    status: int | None = None
    """The vendor's HTTP status. Example: `409`"""
    code: str | None = None
    """The vendor's error code. Example: `"CONFLICT"`"""
    detail: str | None = None
    """The vendor's message. Example: `"Contact already exists"`"""
    request_id: str | None = None
    """The vendor's id of the request. Give it to the vendor's support. Example: `"0f1c7a9e-5b7e-4d0b"`"""
    existing: str | UnsetType = UNSET
    """The record that exists already, if the vendor names it. Example: `"hubspot:1051"`"""


class Candidate(Struct, frozen=True, kw_only=True):
    """A record that matches."""

    id: str
    """Its canonical id. Example: `"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    remote_id: str
    """Its id at the vendor. Example: `"1051"`"""


class ProblemDocument(Struct, frozen=True, kw_only=True):
    """The body of every 4xx and 5xx, as `application/problem+json` or, by `Accept`, as `application/json`."""

    type: str
    """The kind of problem, as a URL that explains it. Example: `"https://example.com/problems/not-found"`"""
    code: str
    """The last segment of `type`. Let workflows branch on it. Example: `"not-found"`"""
    title: str
    """The kind of problem in words, constant for a code. Example: `"Not found"`"""
    status: int
    """The HTTP status of the answer. Example: `404`"""
    detail: str
    """What happened in this case, for people. Example: `"HubSpot has no customer with the id 1051."`"""
    instance: str
    """The path that was called. Example: `"/v1/customers/hubspot:1051"`"""
    category: Category
    """The kind of failure. `conflict` needs a decision, `auth` a valid credential. Example: `"permanent"`"""
    fault: Fault
    """Who must change something. Example: `"caller"`"""
    retryable: bool
    """Whether the same request can succeed later. Example: `false`"""
    retry_after: int | None
    """Seconds to wait before a retry, as in the header `Retry-After`. Example: `null`"""
    next_step: str
    """What you can do now. Example: `"Check the path and the id."`"""
    correlation_id: str
    """The run that this call belongs to. Example: `"orders-4711-1767225600000"`"""
    errors: tuple[FieldError, ...] | UnsetType = UNSET
    """All errors of the request, each with its place."""
    vendor: VendorSays | UnsetType = UNSET
    """The vendor's answer, if there is one."""
    candidates: tuple[Candidate, ...] | UnsetType = UNSET
    """The records that match, if several do. There may be more."""
    operation_id: str | UnsetType = UNSET
    """The operation concerned. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""


class Problem(Exception):
    """Something went wrong that the caller must know about."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    category: Category
    fault: ClassVar[Fault]
    retryable: ClassVar[bool] = False
    next_step: str = "Correct the request and send it again."

    def __init_subclass__(
        cls, *, category: Category | None = None, fault: Fault | None = None, retryable: bool | None = None
    ) -> None:
        for name, value in {"category": category, "fault": fault, "retryable": retryable}.items():
            if value is not None:
                setattr(cls, name, value)

    def __init__(
        self,
        detail: str = "",
        *,
        next_step: str | None = None,
        errors: tuple[FieldError, ...] = (),
        vendor: VendorSays | None = None,
        candidates: tuple[Candidate, ...] = (),
        operation_id: str | None = None,
        retry_after: float | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        category: Category | None = None,
    ) -> None:
        super().__init__(self.code)  # never the detail: tracebacks are logged
        self.detail = detail or f"{self.title}."
        if next_step is not None:
            self.next_step = next_step
        self.errors = errors
        self.vendor = vendor
        self.candidates = candidates
        self.operation_id = operation_id
        self.retry_after = retry_after
        self.headers = headers
        if category is not None:
            self.category = category


def document_of(problem: Problem, *, public_url: str, instance: str, correlation_id: str) -> ProblemDocument:
    """Return the problem document, without personal data that a vendor or a parser may have repeated. `instance` is the
    called path without its query."""
    says = problem.vendor
    return ProblemDocument(
        type=f"{public_url}/problems/{problem.code}",
        code=problem.code,
        title=problem.title,
        status=problem.status,
        detail=without_people(problem.detail),
        instance=without_people(instance),
        category=problem.category,
        fault=problem.fault,
        retryable=problem.retryable,
        retry_after=_whole_seconds(problem),
        next_step=problem.next_step,
        correlation_id=correlation_id,
        errors=tuple(map(_shown, problem.errors[:MAX_ERRORS])) or UNSET,
        vendor=UNSET if says is None else replace(says, detail=says.detail and without_people(says.detail)),
        candidates=problem.candidates or UNSET,
        operation_id=UNSET if problem.operation_id is None else problem.operation_id,
    )


def _shown(error: FieldError) -> FieldError:
    pointer = error.pointer if error.pointer is UNSET else cut(error.pointer)
    return replace(error, pointer=pointer, detail=without_people(cut(error.detail)))


def _whole_seconds(problem: Problem) -> int | None:
    """Return the seconds to wait. Every 429 and 503 has some."""
    if problem.retry_after is not None:
        return max(1, math.ceil(problem.retry_after))
    return 1 if problem.status in (429, 503) else None
