"""Log lines by OTLP, with the members that they have on standard error."""

import logging
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from app.telemetry.context import correlation_id
from app.telemetry.exporters import CountingExporter
from app.telemetry.logs import encoder, extra_of, message_of


class _LogBatches(BatchLogRecordProcessor):
    def finish(self, seconds: float) -> None:
        self._batch_processor.shutdown(int(seconds * 1000))


class OtlpLogs(logging.Handler):
    """Exports in batches. The SDK's own handler would export the texts of exceptions, which may quote a payload."""

    def __init__(self, exporter: Any, resource: Resource) -> None:
        super().__init__()
        counting: Any = CountingExporter("logs", exporter)
        self._batches = _LogBatches(counting)
        self._provider = LoggerProvider(resource, shutdown_on_exit=False)
        self._provider.add_log_record_processor(self._batches)

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line. The SDK adds the current span."""
        run = correlation_id.get()
        attributes: dict[str, str | int | float] = {"correlation.id": run} if run else {}
        for name, value in extra_of(record).items():
            attributes[name] = value if isinstance(value, str | int | float) else encoder.encode(value).decode()
        self._provider.get_logger(record.name).emit(
            timestamp=int(record.created * 1e9),
            severity_number=SeverityNumber(min(record.levelno, logging.CRITICAL) // 10 * 4 + 1),  # 20 is INFO, 9 there
            severity_text=record.levelname.lower(),
            body=message_of(record),
            attributes=attributes,
        )

    def finish(self, seconds: float) -> None:
        """Export what is left, for at most so many seconds, and nothing from then on."""
        logging.getLogger().removeHandler(self)
        self._batches.finish(seconds)
