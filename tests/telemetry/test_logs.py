"""Log lines as a program reads them, and what is not in them."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource

from app.errors import VendorRejected
from app.problem_document import VendorSays
from app.telemetry import bind, derive_trace_id, name_caller, name_route, server_span
from app.telemetry.log_export import OtlpLogs
from app.telemetry.logs import set_up_logs
from tests.telemetry.recording import Recording

log = logging.getLogger("lockstitch.test")


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        """Each line read as JSON."""
        return [json.loads(line) for line in self.text().split("\n") if line]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The process's logs, kept; afterwards everything is as it was."""
    loggers = [logging.getLogger(name) for name in ("", "lockstitch", "httpx", "opentelemetry")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    kept = Lines()
    set_up_logs("info", kept.stream)
    yield kept
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_a_line_names_the_run_and_the_span(lines: Lines, spans: Recording) -> None:
    with bind("run-1"), server_span("GET"):
        log.warning("slow %s", "vendor", extra={"connection": "crm", "seconds": 1.5, "nothing": None})
    line = lines.all()[0]
    assert line["ts"].endswith("+00:00")
    assert len(line["span_id"]) == 16
    assert {name: value for name, value in line.items() if name not in ("ts", "span_id")} == {
        "level": "warning",
        "logger": "lockstitch.test",
        "message": "slow vendor",
        "correlation_id": "run-1",
        "trace_id": f"{derive_trace_id('run-1'):032x}",
        "connection": "crm",
        "seconds": 1.5,
    }


def test_outside_of_any_run_there_is_none(lines: Lines) -> None:
    log.info("started")
    assert set(lines.all()[0]) == {"ts", "level", "logger", "message"}


def test_text_cannot_forge_a_line(lines: Lines) -> None:
    log.info('done\n{"level":"error"}\u2028')
    assert [line["level"] for line in lines.all()] == ["info"]


def test_an_exception_is_logged_without_its_text(lines: Lines) -> None:
    try:
        try:
            raise OSError(113, "no route to hypatia@example.com")
        except OSError as error:
            raise VendorRejected(
                "hypatia@example.com is wrong", vendor=VendorSays(connection="crm", detail="hypatia@example.com")
            ) from error
    except VendorRejected:
        log.exception("failed")
    assert "hypatia" not in lines.text()
    problem, cause = lines.all()[0]["exception"]
    assert (problem["type"], problem["code"]) == ("app.errors.VendorRejected", "vendor-rejected")
    assert (cause["type"], cause["errno"]) == ("builtins.OSError", 113)
    assert "test_an_exception_is_logged_without_its_text" in cause["at"][0]


def test_a_chain_that_bites_its_tail_ends(lines: Lines) -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    log.error("odd", exc_info=first)
    assert len(lines.all()[0]["exception"]) == 5


def test_values_that_json_does_not_know_are_no_reason_to_fail(lines: Lines) -> None:
    log.info("odd", extra={"value": {1, 2}, "other": object})
    assert lines.all()[0]["message"] == "odd"


def test_a_forgotten_task_does_not_quote_its_exception(lines: Lines) -> None:
    async def fails() -> None:
        raise ValueError("hypatia@example.com")

    async def forget() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0.01)
        del task

    asyncio.run(forget())
    (line,) = lines.all()
    assert line["message"] == "Task exception was never retrieved"
    assert "hypatia" not in lines.text()


@pytest.mark.parametrize("name", ["httpx", "httpcore.connection", "aiohttp.access", "asyncio"])
def test_libraries_do_not_tell_of_every_request(lines: Lines, name: str) -> None:
    logging.getLogger(name).info("GET https://vendor.example.com/?q=hypatia@example.com")
    assert lines.text() == ""


def test_every_call_is_one_line(lines: Lines) -> None:
    with bind("run-1"), server_span("PATCH") as call:
        name_route("/v1/customers/{id}")
        name_caller("n8n")
        call.status = 503
    (line,) = lines.all()
    assert line["message"] == "PATCH /v1/customers/{id} 503"
    assert line["ms"] >= 0
    assert (line["method"], line["route"], line["status"]) == ("PATCH", "/v1/customers/{id}", 503)
    assert (line["caller"], line["error_type"], line["logger"]) == ("n8n", "503", "lockstitch.access")


def test_a_call_that_no_route_takes_does_not_tell_its_path(lines: Lines) -> None:
    with bind("run-1"), server_span("GET") as call:
        call.status = 404
    assert lines.all()[0]["route"] == "unmatched"


def test_an_exported_line_has_the_class_of_an_exception_and_never_its_text(spans: Recording) -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    handler = OtlpLogs(exporter, Resource.create())
    log.addHandler(handler)
    try:
        with bind("run-1"), server_span("GET"):
            try:
                raise ValueError("hypatia@example.com")
            except ValueError:
                log.exception("a step failed", extra={"connection": "crm", "tries": 2, "places": ["a"]})
    finally:
        log.removeHandler(handler)
        handler.finish(60.0)
    (exported,) = (one.log_record for one in exporter.get_finished_logs())
    attributes = dict(exported.attributes or {})
    assert (exported.body, exported.severity_text) == ("a step failed", "error")
    assert exported.severity_number == SeverityNumber.ERROR
    assert exported.trace_id == derive_trace_id("run-1")
    exception = str(attributes.pop("exception"))
    assert "builtins.ValueError" in exception
    assert "hypatia" not in exception
    assert attributes == {"correlation.id": "run-1", "connection": "crm", "tries": 2, "places": '["a"]'}
