"""The metrics of `/metrics`, pushed by OTLP every `OTEL_METRIC_EXPORT_INTERVAL` (60,000 ms).

Names become those of the OpenTelemetry semantic conventions, which a Prometheus that receives them turns back: it
stores the same series as one that scrapes. Sums are cumulative since the start of the process.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from threading import Event, Thread
from typing import Any, Final

from opentelemetry.sdk.metrics import export as otlp
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric
from prometheus_client.samples import Sample

from app.telemetry.exporters import CountingExporter
from app.telemetry.metrics import refresh_collectors, registry

CUMULATIVE: Final = otlp.AggregationTemporality.CUMULATIVE
UNITS: Final = {"seconds": "s", "bytes": "By"}
CONVENTIONAL: Final = ("http_", "messaging_", "error_", "url_")
SCOPE: Final = InstrumentationScope("lockstitch")
_log = logging.getLogger("lockstitch.telemetry")


class MetricPushes:
    """Pushes the registry from a thread of its own, and once more at the end."""

    def __init__(self, exporter: Any, resource: Resource, seconds: float) -> None:
        self._exporter = CountingExporter("metrics", exporter)
        self._resource = resource
        self._seconds = seconds
        self._since = time.time_ns()
        self._closing = Event()
        self._thread = Thread(target=self._run, name="metric pushes", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Push what is left, for at most so many seconds."""
        self._closing.set()
        self._thread.join(seconds)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._closing.wait(self._seconds):
            self._push()
        self._push()

    def _push(self) -> None:
        try:
            refresh_collectors()
            # Prometheus refuses a push with a metric that has no points yet.
            families = [family for family in registry.collect() if family.samples and family.type != "info"]
            metrics = [_metric(family, self._since) for family in families]
        except Exception:  # noqa: BLE001 - a failing push must not end the thread silently
            _log.exception("the metrics could not be read; retrying")
            return
        scopes = [otlp.ScopeMetrics(SCOPE, metrics, "")]
        self._exporter.export(otlp.MetricsData([otlp.ResourceMetrics(self._resource, scopes, "")]))


def _metric(family: Metric, since: int) -> otlp.Metric:
    stem, _, word = family.name.rpartition("_")
    unit = UNITS.get(word, "")
    name = stem if unit else family.name
    name = name.replace("_", ".") if name.startswith(CONVENTIONAL) else name.replace("lockstitch_", "lockstitch.", 1)
    return otlp.Metric(name, family.documentation, unit, _data(family, since, time.time_ns()))


def _data(family: Metric, since: int, now: int) -> otlp.Sum | otlp.Gauge | otlp.Histogram:
    if family.type == "histogram":
        return otlp.Histogram(_histograms(family.samples, since, now), CUMULATIVE)
    points = [otlp.NumberDataPoint(_attributes(one.labels), since, now, one.value) for one in family.samples]
    return otlp.Sum(points, CUMULATIVE, True) if family.type == "counter" else otlp.Gauge(points)


def _histograms(samples: Iterable[Sample], since: int, now: int) -> list[otlp.HistogramDataPoint]:
    """Prometheus counts up to each boundary, OTLP between two."""
    series: defaultdict[tuple[tuple[str, str], ...], dict[str, float]] = defaultdict(dict)
    for one in samples:
        labels = tuple((name, value) for name, value in one.labels.items() if name != "le")
        series[labels][one.labels.get("le") or one.name.rpartition("_")[2]] = one.value
    points = []
    for labels, values in series.items():
        count, total = values.pop("count"), values.pop("sum")
        up_to = [int(value) for value in values.values()]
        between = [high - low for low, high in zip([0, *up_to], up_to, strict=False)]
        bounds = [float(bound) for bound in values if bound != "+Inf"]
        extremes: Any = None  # not known; the encoder leaves them out
        attributes = _attributes(dict(labels))
        point = otlp.HistogramDataPoint(attributes, since, now, int(count), total, between, bounds, extremes, extremes)
        points.append(point)
    return points


def _attributes(labels: dict[str, str]) -> dict[str, str]:
    return {
        name.replace("_", ".").replace(".status.", ".status_") if name.startswith(CONVENTIONAL) else name: value
        for name, value in labels.items()
    }
