"""The templates of the console, its style sheet and its script, read once."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from app.monitoring.advice import in_commands

FOLDER: Final = Path(__file__).parent
MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ASSETS: Final = {path.name: path.read_bytes() for path in sorted((FOLDER / "assets").iterdir())}
"""The files that pages load, by name."""
VERSION: Final = hashlib.sha256(b"".join(ASSETS.values())).hexdigest()[:12]
"""Changes with any of them, so that browsers keep each for ever."""
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(seconds: float) -> str:
    """Return a duration in its two largest units: `2 d 3 h`, `4 min`, `12 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        if rest >= size and len(parts) < 2:
            parts.append(f"{rest // size} {unit}")
        rest %= size
    return " ".join(parts) or f"{rest} s"


def ago(at: datetime) -> str:
    """Return how long ago a time is."""
    return span(max(1.0, (datetime.now(UTC) - at).total_seconds()))


def utc(at: datetime) -> str:
    """Return a time to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def words(code: str) -> str:
    """Return a code as words: `needs_authorization` as `needs authorization`."""
    return code.replace("_", " ").replace("-", " ")


def fact(value: Any) -> str:
    """Return a fact of the audit trail in words: `yes`, `ops:read, ops:write`, or as JSON."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(fact, value)) or "none"
        case dict():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def pretty(value: Any) -> str:
    """Return JSON on indented lines. A string stays as it is."""
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "span": span,
        "ago": ago,
        "in_commands": in_commands,
        "utc": utc,
        "words": words,
        "fact": fact,
        "pretty": pretty,
        "from_json": msgspec.json.decode,
        "zip": zip,
    }
    made.globals["version"] = VERSION
    return made


TEMPLATES: Final = TemplateConfig(instance=JinjaTemplateEngine.from_environment(_environment()))
"""For the application that serves the console."""
