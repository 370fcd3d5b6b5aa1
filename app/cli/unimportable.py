"""A vendor's folder that cannot be imported, as somebody who is writing one leaves it between two steps."""

from collections.abc import Iterator
from pathlib import Path
from traceback import extract_tb
from typing import Final

PACKAGES: Final = ("mappings", "emulators")


def unimportable(error: BaseException) -> str | None:
    """Which file of a vendor cannot be imported, and why; None for any other exception."""
    while isinstance(error, ImportError) and error.__cause__ is not None:
        error = error.__cause__  # the command line says first which command it could not load
    places = list(_places(error))
    if not places:
        return None
    why = error.msg if isinstance(error, SyntaxError | ImportError) else str(error)
    return (
        f"{places[-1]} cannot be imported: {type(error).__name__}: {why}\n"
        "Every command reads all vendors, so none runs until it can."
    )


def _places(error: BaseException) -> Iterator[str]:
    """File and line of each vendor's module that was being imported, the innermost last."""
    for frame in extract_tb(error.__traceback__):
        if frame.name == "<module>" and (file := _vendors(frame.filename)) is not None:
            yield f"{file}, line {frame.lineno},"
    if isinstance(error, SyntaxError) and (file := _vendors(error.filename or "")) is not None:
        yield f"{file}, line {error.lineno},"


def _vendors(filename: str) -> str | None:
    """The path from the package down, for a file in a folder of one of these packages."""
    parts = Path(filename).parts[-3:]
    return "/".join(parts) if len(parts) == 3 and parts[0] in PACKAGES else None
