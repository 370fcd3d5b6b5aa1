"""The problem document (RFC 9457) and its parts."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

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
    parameter: str | UnsetType = UNSET
    header: str | UnsetType = UNSET
    detail: str


def cut(text: str) -> str:
    """Shorten a pointer or detail to `MAX_LENGTH`."""
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def summary(errors: Sequence[FieldError]) -> str:
    """Return the first errors in one line, each with its place, and the number of further ones."""
    listed = [f"{cut(_place(error))}: {cut(error.detail)}" for error in errors[:MAX_ERRORS]]
    more = len(errors) - len(listed)
    return "; ".join([*listed, f"and {more:,} more"] if more else listed)


def _place(error: FieldError) -> str:
    return str(error.pointer or error.parameter or error.header or "The body")


class VendorSays(Struct, frozen=True, kw_only=True):
    """The vendor's answer in its own words, with the request id that its support asks for."""

    connection: str
    status: int | None = None
    code: str | None = None
    detail: str | None = None
    request_id: str | None = None


class ProblemDocument(Struct, frozen=True, kw_only=True):
    """The body of every 4xx and 5xx, as `application/problem+json` or, by `Accept`, as `application/json`."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    instance: str
    category: Category
    fault: Fault
    retryable: bool
    retry_after: int | None
    next_step: str
    correlation_id: str
    errors: tuple[FieldError, ...] | UnsetType = UNSET
    vendor: VendorSays | UnsetType = UNSET
    operation_id: str | UnsetType = UNSET
