"""Report a vendor's folder that cannot be imported, such as an unfinished one."""

from collections.abc import Iterator
from pathlib import Path
from traceback import extract_tb
from typing import Final

PACKAGES: Final = ("mappings", "emulators")


def unimportable(error: BaseException) -> str | None:
    """Return which file of a vendor cannot be imported, and why. None for any other exception."""
    while isinstance(error, ImportError) and error.__cause__ is not None:
        error = error.__cause__  # cyclopts wraps the error in one about the command
    places = list(_places(error))
    if not places:
        return None
    why = error.msg if isinstance(error, SyntaxError | ImportError) else str(error)
    return (
        f"{places[-1]} cannot be imported: {type(error).__name__}: {why}\n"
        "Every command imports all vendors, so no command runs until you fix it."
    )


def _places(error: BaseException) -> Iterator[str]:
    """Yield file and line of each vendor module that was being imported, innermost last."""
    for frame in extract_tb(error.__traceback__):
        if frame.name == "<module>" and (file := _vendor_file(frame.filename)) is not None:
            yield f"{file}, line {frame.lineno},"
    if isinstance(error, SyntaxError) and (file := _vendor_file(error.filename or "")) is not None:
        yield f"{file}, line {error.lineno},"


def _vendor_file(filename: str) -> str | None:
    """Return the path from the package down, or None for a file outside a vendor's folder."""
    parts = Path(filename).parts[-3:]
    return "/".join(parts) if len(parts) == 3 and parts[0] in PACKAGES else None
