"""What the tables of `lockstitch.toml` are read with: their error, their checks, and references to secrets."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.errors import Complaint
from canonical.parts import ObjectName

T = TypeVar("T")

# The file names objects in the plural, like the URLs.
PLURALS: dict[str, ObjectName] = {"customers": "customer", "orders": "order", "tickets": "ticket"}

SECRET_REFERENCE = re.compile(r"(env|file):\S+|vault:[a-z][a-z0-9_.-]{0,62}")


class SettingsError(Complaint):
    """The settings are invalid, so Lockstitch cannot start. The message has one line per complaint."""


def convert(table: Any, shape: type[T]) -> T:
    """Return a table as this Struct. Raises SettingsError."""
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        raise SettingsError(f"is invalid: {error}.") from None


def require_reference(place: str, text: str) -> None:
    """Raise SettingsError unless the value is a reference to a secret."""
    if SECRET_REFERENCE.fullmatch(text) is None:
        raise SettingsError(
            f"{place} must be a reference, env:NAME, file:/path or vault:NAME: never put secrets in this file."
        )


def resolve_secret(reference: str, environment: Mapping[str, str]) -> str:
    """Return the secret that `env:NAME` or `file:/path` refers to, without a final newline.

    `credentials` resolves `vault:NAME`. Raises SettingsError, which names the reference, never a value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and environment.get(name):
        return environment[name]
    if kind == "env":
        raise SettingsError(f"The environment variable {name}, referenced as {reference}, is not set.")
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"The file {name}, referenced as {reference}, cannot be read.") from None
    raise SettingsError("A credential must be a reference: env:NAME, file:/path or vault:NAME.")
