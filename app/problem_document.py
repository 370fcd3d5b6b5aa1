"""What callers read when something went wrong: the problem document (RFC 9457) and its parts."""

from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

from mappings.http import Category

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

Fault = Literal["caller", "vendor", "lockstitch"]


class FieldError(Struct, frozen=True, kw_only=True):
    """One complaint: at a JSON Pointer (RFC 6901) into the body, or about a query parameter or header."""

    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    header: str | UnsetType = UNSET
    detail: str


class VendorSays(Struct, frozen=True, kw_only=True):
    """What the vendor answered, in its own words, with the id that its support asks for."""

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
