"""One trace from a vendor's webhook to the subscriber's delivery; what is tried again or redriven links to it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.otlp import Collector, attribute
from tests.contract.samples import customer, word
from tests.contract.subscribers import Answer, Post, SubscriberServer, subscribe
from tests.contract.test_traces import derived
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot

MARK: Final = word()
CONSUMER: Final = Span.SPAN_KIND_CONSUMER


class Traced(NamedTuple):
    """The runs of two webhooks: one whose first delivery fails, one whose record could not be read at first."""

    spans: list[Span]
    bodies: list[bytes]
    log: str
    run: str
    redriven: str
    posts: list[Post]

    def of(self, run: str) -> list[Span]:
        """The spans of a run."""
        return [span for span in self.spans if attribute(span, "correlation.id") == run]

    def named(self, run: str, name: str) -> list[Span]:
        """Those of this name, in order."""
        return sorted((span for span in self.of(run) if span.name == name), key=lambda span: span.start_time_unix_nano)


@pytest.fixture(scope="module")
def traced(running_facade: Facade, full_key: str) -> Iterator[Traced]:
    """A traced API and a traced worker that deliver to a subscriber."""
    facade, collector, subscribers = running_facade, Collector(), SubscriberServer()
    own = {
        **collector.environment,
        "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{subscribers.port}",
        "LOCKSTITCH_DELIVERY_LADDER": "0.2,0.2,0.2",
    }
    api, worker = facade.process("serve", **own), facade.process("worker", **own)
    facade.worker.stop()
    try:
        api.start()
        worker.start()
        with Caller(api.url, full_key) as caller:
            made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", MARK))
            hook = subscribers.hook("traced").then(Answer(status=503))
            subscription = subscribe(caller, hook, "customer.*", connection="hubspot")
            driver = WebhookDriver(facade, caller)
            driver.forget(made)
            run = tell(facade, api.url, made["meta"]["remote_id"])
            hook.received(2)
            driver.forget(made)
            facade.vendors.break_("hubspot", "drift", path="/crm/v3/objects/", times=None, change="type")
            redriven = redrive(facade, caller, api.url, made["meta"]["remote_id"])
            hook.received(3)
            driver.until(
                lambda: not facade.sql("SELECT 1 FROM job WHERE kind = 'deliver' AND correlation_id = $1", redriven),
                "the end of the delivery",
            )
            caller.delete(f"/v1/subscriptions/{subscription['id']}")
    finally:
        facade.vendors.mend()
        api.stop()  # which sends what is left
        worker.stop()
        subscribers.close()
        facade.worker.start()
    yield Traced(collector.spans(), collector.bodies, api.log + worker.log, run, redriven, hook.posts)
    collector.close()


def tell(facade: Facade, url: str, remote_id: str) -> str:
    """Send a webhook about a contact to this API; the run that it begins."""
    endpoint = WebhookEndpoint(facade, "hubspot", url=url)
    event = contact_event(objectId=int(remote_id), propertyValue=f"{MARK}@example.com")
    return expect(endpoint.send(hubspot(endpoint.url, event)), 202).headers["x-correlation-id"]


def redrive(facade: Facade, caller: Caller, url: str, remote_id: str) -> str:
    """A webhook about a record that cannot be read until somebody fixes it and redrives."""
    run = tell(facade, url, remote_id)
    driver = WebhookDriver(facade, caller)
    question = "SELECT id FROM dead_letter WHERE correlation_id = $1 AND kind = 'ingest'"
    driver.until(lambda: facade.sql(question, run), "the dead letter")
    (dead,) = facade.sql(question, run)
    facade.vendors.mend()
    answer = caller.post(f"/ops/dead-letters/{dead['id']}/redrive")
    assert answer.is_success, answer.text
    return run


def test_from_the_webhook_to_the_delivery_it_is_one_trace(traced: Traced) -> None:
    spans = traced.of(traced.run)
    assert {span.trace_id.hex() for span in spans} == {derived(traced.run)}
    by_id = {span.span_id: span for span in spans}

    def chain(span: Span) -> list[str]:
        names = [span.name]
        while span.parent_span_id:
            span = by_id[span.parent_span_id]
            names.append(span.name)
        return names

    (webhook,) = traced.named(traced.run, "POST /v1/webhooks/{connection}")
    (ingest,) = traced.named(traced.run, "process ingest")
    deliver, _ = traced.named(traced.run, "process deliver")
    assert chain(deliver) == ["process deliver", "process ingest", "POST /v1/webhooks/{connection}"]
    assert ingest.parent_span_id == webhook.span_id
    assert {ingest.kind, deliver.kind} == {CONSUMER}
    (read,) = [span for span in spans if span.name.startswith("GET hubspot /crm/v3/objects/contacts")]
    (mapped,) = traced.named(traced.run, "map hubspot.customer")
    assert chain(read)[-2:] == chain(mapped)[-2:] == ["process ingest", "POST /v1/webhooks/{connection}"]


def test_a_webhook_and_its_delivery_are_a_few_spans(traced: Traced) -> None:
    deliver, again = traced.named(traced.run, "process deliver")
    first = [span for span in traced.of(traced.run) if span.start_time_unix_nano < again.start_time_unix_nano]
    assert deliver in first
    assert 5 <= len(first) <= 10


def test_only_the_delivery_that_failed_is_red(traced: Traced) -> None:
    red = [span.name for span in traced.of(traced.run) if span.status.code]
    assert red == ["POST", "process deliver"]


def test_the_subscriber_gets_the_trace_and_the_run(traced: Traced) -> None:
    for post, run in zip(traced.posts, (traced.run, traced.run, traced.redriven), strict=True):
        assert post.headers["traceparent"].split("-")[1] == derived(run)
        assert post.headers["x-correlation-id"] == post.event["correlation_id"] == run


def test_another_try_links_to_what_it_tries_again(traced: Traced) -> None:
    first, second = traced.named(traced.run, "process deliver")
    (ingest,) = traced.named(traced.run, "process ingest")
    assert first.parent_span_id == ingest.span_id
    assert second.parent_span_id == b""
    assert ingest.span_id in {link.span_id for link in second.links}


def test_a_redrive_links_to_the_trace_that_died(traced: Traced) -> None:
    died, again = traced.named(traced.redriven, "process ingest")
    (webhook,) = traced.named(traced.redriven, "POST /v1/webhooks/{connection}")
    assert died.parent_span_id == webhook.span_id
    assert again.parent_span_id == b""
    linked = {(link.trace_id.hex(), link.span_id) for link in again.links}
    assert linked & {(derived(traced.redriven), died.span_id), (derived(traced.redriven), webhook.span_id)}
    (deliver,) = traced.named(traced.redriven, "process deliver")
    assert deliver.parent_span_id == again.span_id


def test_no_trace_or_log_has_personal_data(traced: Traced) -> None:
    assert not [body for body in traced.bodies if MARK.encode() in body]
    assert MARK not in traced.log
    assert MARK.encode() in traced.posts[0].body
