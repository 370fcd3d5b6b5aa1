"""Which signals are exported, by the standard variables."""

import pytest

from app.settings.reading import SettingsError
from app.telemetry.exporters import Signal, open_exporter

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")


@pytest.mark.parametrize(
    ("variables", "exported"),
    [
        ({}, []),
        (ENDPOINT, ["traces"]),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "otlp"}, ["logs"]),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "OTLP"}, ["traces", "metrics", "logs"]),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, []),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9/v1/metrics"}, ["metrics"]),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, []),
    ],
)
def test_metrics_and_logs_are_exported_where_that_is_wanted(variables: dict[str, str], exported: list[Signal]) -> None:
    assert [signal for signal in SIGNALS if open_exporter(signal, variables) is not None] == exported


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")]
)
def test_an_unknown_choice_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=value):
        open_exporter("traces", {**ENDPOINT, name: value})
