"""The webhook of a write through Lockstitch is tied to the run and the trace of that write."""

from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.otlp import Collector, attribute
from tests.contract.samples import customer, word
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot


def test_an_echo_is_shown_in_the_run_of_its_write(facade: Facade, full_key: str) -> None:
    collector, run = Collector(), f"echo-{word()}"
    worker = facade.process("worker", **collector.environment)
    facade.worker.stop()
    worker.start()
    try:
        with facade.another_api(**collector.environment) as api, Caller(api.url, full_key) as caller:
            headers = {"x-correlation-id": run}
            made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"), headers=headers)
            caller.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": word()}, headers=headers)
            endpoint = WebhookEndpoint(facade, "hubspot", url=api.url)
            event = contact_event(objectId=int(made["meta"]["remote_id"]), propertyName="jobtitle")
            assert endpoint.accepted(hubspot(endpoint.url, event)) == (1, 0)
            (receipt,) = endpoint.receipts(str(event["eventId"]))
            sentences = until(lambda: [s for s in story(caller, run) if receipt["id"] in s["sentence"]])
            assert "sent a webhook that echoes operation op_" in sentences[0]["sentence"]
            run_view = facade.lockstitch("runs", "show", run)
            assert receipt["id"] in run_view.stdout
            assert "Audited: operation.sent" not in run_view.stdout
    finally:
        worker.stop()
        facade.worker.start()
    spans = collector.spans()
    collector.close()
    written = {span.trace_id for span in spans if span.name == "POST /v1/customers"}
    (echo,) = (span for span in spans if span.name == "echo hubspot contact.propertyChange")
    (ingested,) = (span for span in spans if span.span_id in {link.span_id for link in echo.links})
    assert {echo.trace_id} == written == {link.trace_id for link in ingested.links}
    assert attribute(ingested, "lockstitch.caused_by") == run == attribute(echo, "correlation.id")
    assert attribute(ingested, "correlation.id") != run


def test_a_change_elsewhere_is_no_echo(facade: Facade, full_key: str) -> None:
    run = f"echo-{word()}"
    with Caller(facade.api.url, full_key) as caller:
        made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"), headers={"x-correlation-id": run})
        remote = made["meta"]["remote_id"]
        caller.write("PATCH", f"/v1/customers/other-hubspot:{remote}", {"job_title": word()})
        endpoint = WebhookEndpoint(facade, "hubspot")
        event = contact_event(objectId=int(remote), propertyName="jobtitle")
        assert endpoint.accepted(hubspot(endpoint.url, event)) == (1, 0)
        (receipt,) = endpoint.receipts(str(event["eventId"]))
        settled = "SELECT id FROM inbound_event WHERE id = $1 AND settled_at IS NOT NULL"
        until(lambda: facade.sql(settled, receipt["id"]))
        assert not [step for step in story(caller, run) if receipt["id"] in step["sentence"]]


def story(caller: Caller, run: str) -> list[dict[str, str]]:
    """The steps of a run."""
    return caller.get(f"/ops/runs/{run}?limit=250").json()["data"]
