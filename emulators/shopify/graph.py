"""Run one GraphQL request: parse and validate each document once, price it, execute it, and format errors like
Shopify."""

import logging
from functools import lru_cache
from typing import Any
from uuid import uuid4

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLFormattedError,
    GraphQLSyntaxError,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from emulators.shopify.context import Context, Info
from emulators.shopify.cost import MOST_OF_ONE_QUERY, Bucket, Pricer
from emulators.shopify.errors import worded
from emulators.shopify.resolvers import equip
from emulators.shopify.schema import SCHEMA

JsonRecord = dict[str, Any]

log = logging.getLogger(__name__)

MOST_IN_A_LIST = 250
MOST_DOCUMENTS = 512
_NULL = "Cannot return null for non-nullable field"
_schema = equip(SCHEMA)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed document: its syntax tree, or its errors."""

    tree: DocumentNode | None
    errors: list[GraphQLError]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a call's body."""

    query: str
    variables: JsonRecord = {}
    operation: str | None = None


def answered(request: Request, bucket: Bucket, context: Context) -> JsonRecord:
    """Return the body of the answer, which always has status 200."""
    document = understood(request.query)
    if document.tree is None or document.errors:
        return {"errors": [worded(error) for error in document.errors]}

    operation = get_operation_ast(document.tree, request.operation)
    if operation is None:
        named = f'No operation named "{request.operation}"' if request.operation else "An operation name is required"
        return {"errors": [{"message": named}]}

    too_long = _longest(request.variables)
    if too_long > MOST_IN_A_LIST:
        message = f"The input array size of {too_long} is greater than the maximum allowed of {MOST_IN_A_LIST}."
        return {"errors": [_refusal(message, "MAX_INPUT_SIZE_EXCEEDED")]}

    pricer = Pricer(_schema, document.tree, request.variables)
    requested = pricer.requested(operation)
    if requested > MOST_OF_ONE_QUERY:
        message = f"Query cost is {requested}, which exceeds the single query max cost limit ({MOST_OF_ONE_QUERY})."
        return {"errors": [_refusal(message, "MAX_COST_EXCEEDED", cost=requested, maxCost=MOST_OF_ONE_QUERY)]}
    if not bucket.take(requested, context.now):
        return {"errors": [_refusal("Throttled", "THROTTLED")], "extensions": _cost(requested, None, bucket)}

    result = _run(document.tree, request, context)
    actual = min(requested, pricer.actual(operation, result.data))
    bucket.give_back(requested - actual)
    said_of_all: JsonRecord = {}
    if result.errors:
        said_of_all["errors"] = [_formatted(error) for error in result.errors]
    # Invalid variables stop a request before it has any data, even null.
    if result.data is not None or any(error.path for error in result.errors or ()):
        said_of_all["data"] = result.data
    said_of_all["extensions"] = _cost(requested, actual, bucket)
    return said_of_all


@lru_cache(MOST_DOCUMENTS)
def understood(text: str) -> Document:
    """Return the document of a text. Clients send the same few again and again."""
    try:
        tree = parse(text)
    except GraphQLSyntaxError as error:
        return Document(tree=None, errors=[error])
    return Document(tree=tree, errors=validate(_schema, tree, max_errors=20, hide_suggestions=True))


def _run(tree: DocumentNode, request: Request, context: Context) -> ExecutionResult:
    return execute_sync(
        _schema,
        tree,
        root_value={},
        context_value=context,
        variable_values=request.variables,
        operation_name=request.operation,
        field_resolver=_member,
    )


def _member(source: Any, info: Info, **args: Any) -> Any:
    """Resolve a field without a resolver: the member of the stored object with its name."""
    return source.get(info.field_name) if isinstance(source, dict) else None


def _formatted(error: GraphQLError) -> GraphQLFormattedError | JsonRecord:
    """Return an error in Shopify's words. Any other exception is a bug here or comes from an invalid placed record: log
    the trace, and return Shopify's internal error."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError) or _NULL in str(cause):
        return worded(error)
    log.error("A field could not be resolved", exc_info=cause)
    request_id = str(uuid4())
    message = "Internal error. Looks like something went wrong on our end."
    return {
        "message": f"{message}\nRequest ID: {request_id} (include this in support requests).",
        "path": error.path,
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id},
    }


def _longest(value: Any) -> int:
    if isinstance(value, list):
        return max(len(value), *(_longest(one) for one in value)) if value else 0
    if isinstance(value, dict):
        return max((_longest(one) for one in value.values()), default=0)
    return 0


def _cost(requested: int, actual: int | None, bucket: Bucket) -> JsonRecord:
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
    }


def _refusal(message: str, code: str, **more: Any) -> JsonRecord:
    documentation = "https://shopify.dev/api/usage/rate-limits"
    return {"message": message, "extensions": {"code": code, **more, "documentation": documentation}}
