"""Logs as JSON lines on standard error.

An exception is logged by class and place, never by its text, which may quote a payload, a value or a secret. Safe facts
(a problem's code, a socket's errno, an SQLSTATE) are added.
"""

import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

import msgspec
from opentelemetry import trace

from app.telemetry.context import correlation_id

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
# These log every request, or every lost batch.
_TOO_LOUD: Final = ("httpx", "httpcore", "aiohttp.access", "granian.access")
_SILENT: Final = ("opentelemetry",)
_LONGEST_CHAIN: Final = 5

ENVIRONMENT: Final = "deployment.environment.name"
"""The member of a line and the attribute of a span that names the environment (OpenTelemetry semantic conventions)."""

encoder: Final = msgspec.json.Encoder(enc_hook=repr)


class JsonLines(logging.Formatter):
    """`ts`, `level`, `logger`, `message`, the environment, then the run and the span if there is one, then the
    members of `extra`."""

    def __init__(self, environment: str | None = None) -> None:
        super().__init__()
        self._environment = environment

    def format(self, record: logging.LogRecord) -> str:
        """Return one line without its newline."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message_of(record),
        }
        if self._environment is not None:
            line[ENVIRONMENT] = self._environment
        correlation = correlation_id.get()
        if correlation:
            line["correlation_id"] = correlation
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
            line["span_id"] = f"{span.span_id:016x}"
        return encoder.encode(line | extra_of(record)).decode()


def set_up_logs(level: str, stream: TextIO | None = None, *, environment: str | None = None) -> None:
    """Install one handler for the process. `level` applies to the loggers named `lockstitch…`; others begin at
    warning."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(environment))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("lockstitch").setLevel(level.upper())
    for name in _TOO_LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def extra_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the members of `extra`, and the exception if there is one."""
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None}
    if record.exc_info and record.exc_info[1] is not None:
        extra["exception"] = _describe(record.exc_info[1])
    return extra


def message_of(record: logging.LogRecord) -> str:
    """Return the text of a line."""
    text = record.getMessage()
    # asyncio adds lines with the repr of tasks and exceptions, which may quote data.
    return text if record.name.startswith("lockstitch") else text.partition("\n")[0]


def _describe(error: BaseException) -> list[dict[str, Any]]:
    """Return the exception and its causes."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < _LONGEST_CHAIN:
        described: dict[str, Any] = {"type": f"{type(current).__module__}.{type(current).__qualname__}"}
        for fact in ("code", "errno", "sqlstate", "status"):
            value = getattr(current, fact, None)
            if isinstance(value, str | int):
                described[fact] = value
        described["at"] = _places(current.__traceback__)
        chain.append(described)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _places(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        frame = traceback.tb_frame
        places.append(f"{frame.f_globals.get('__name__')}:{traceback.tb_lineno} {frame.f_code.co_name}")
        traceback = traceback.tb_next
    return places
