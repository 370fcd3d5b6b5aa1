"""Shopify's errors: `userErrors` in a payload, `errors` at the top of an answer, both with status 200."""

import re
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError

JsonRecord = dict[str, Any]

_UNKNOWN_FIELD = re.compile(r"Cannot query field '(?P<name>\w+)' on type '(?P<type>\w+)'")
_UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(?P<name>\w+)' on field '\w+\.(?P<field>\w+)'")
_MISSING_ARGUMENT = re.compile(r"Argument '\w+\.(?P<field>\w+)\((?P<name>\w+):\)' of type")
_BAD_VARIABLE = re.compile(
    r"Variable '\$(?P<name>\w+)' has invalid value(?: at \.(?P<path>[\w.\[\]]+))?: (?P<why>.*)", re.S
)
_BAD_LITERAL = re.compile(r"Expected |Value '|Enum '|Int cannot|Float cannot|String cannot|Boolean cannot|ID cannot")


class Refused(Exception):
    """The input of a mutation is refused, with these `userErrors`."""

    def __init__(self, *errors: JsonRecord) -> None:
        """Refuse with at least one user error, from `user_error`."""
        super().__init__(errors[0]["message"])
        self.errors = list(errors)


def user_error(field: Sequence[str | int] | None, message: str, code: str | None = None) -> JsonRecord:
    """Return one entry of `userErrors`. `code` is returned only if the payload's error type has one."""
    path = None if field is None else [str(step) for step in field]
    return {"field": path, "message": message, "code": code}


def top_error(message: str, code: str, **more: Any) -> GraphQLError:
    """Return an error at the top of the answer. Its field is null."""
    return GraphQLError(message, extensions={"code": code, **more})


def worded(error: GraphQLError) -> GraphQLFormattedError | JsonRecord:
    """Return an error of the GraphQL library in the words of Shopify's own server, if they are known."""
    formatted: JsonRecord = dict(error.formatted)
    message = error.message
    if match := _UNKNOWN_FIELD.match(message):
        formatted["message"] = f"Field '{match['name']}' doesn't exist on type '{match['type']}'"
        formatted["extensions"] = {
            "code": "undefinedField",
            "typeName": match["type"],
            "fieldName": match["name"],
        }
    elif match := _UNKNOWN_ARGUMENT.match(message):
        formatted["message"] = f"Field '{match['field']}' doesn't accept argument '{match['name']}'"
        formatted["extensions"] = {
            "code": "argumentNotAccepted",
            "name": match["field"],
            "typeName": "Field",
            "argumentName": match["name"],
        }
    elif match := _MISSING_ARGUMENT.match(message):
        formatted["message"] = f"Field '{match['field']}' is missing required arguments: {match['name']}"
        formatted["extensions"] = {
            "code": "missingRequiredArguments",
            "className": "Field",
            "name": match["field"],
            "arguments": match["name"],
        }
    elif match := _BAD_VARIABLE.match(message):
        path = (match["path"] or "").replace("[", ".").replace("]", "").split(".") if match["path"] else []
        place = f" for {'.'.join(path)}" if path else ""
        formatted["message"] = f"Variable ${match['name']} was provided invalid value{place} ({match['why']})"
        formatted["extensions"] = {
            "code": "INVALID_VARIABLE",
            "problems": [{"path": path, "explanation": match["why"]}],
        }
    elif message.startswith("Syntax Error: "):
        formatted["message"] = f"syntax error, {message.removeprefix('Syntax Error: ')}"
    elif error.path is None and _BAD_LITERAL.match(message):
        formatted["extensions"] = {"code": "argumentLiteralsIncompatible", "typeName": "CoercionError"}
    return formatted
