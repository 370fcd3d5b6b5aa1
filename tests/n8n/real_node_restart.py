"""The community node when n8n is restarted: a retry after it writes nothing twice, and a subscription stays.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import sys
from pathlib import Path

from lockstitch_dev import free_port, running_dev
from n8n_cli import FreshN8n
from n8n_editor import Editor
from n8n_server import serving
from node_stage import Stage, create_ticket, lockstitch
from real_calls import only
from real_events import eventually

TRIGGER = "n8n-nodes-lockstitch.lockstitchTrigger"
GOOD = {"subject": "Before the restart", "email": "mira.holm@example.com"}
BAD = {"subject": "Refused", "email": "nobody(at)example.com"}


def test_a_restart_between_a_write_and_its_retry_changes_nothing() -> None:
    port = free_port()
    with (
        running_dev(LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{port}") as dev,
        FreshN8n(Path(sys.argv[1]), free_port(), port) as cli,
    ):
        with serving(cli, port) as n8n, Editor(n8n.url) as editor:
            stage = Stage(dev, n8n, editor)
            called = stage.publish_called("restarted", create_ticket(businessKey="={{ $json.subject }}"))
            called.play(GOOD, BAD)
            stage.publish("events", lockstitch("Trigger", kind=TRIGGER, events=["order.created"], changed=[]))
            before = only(eventually(lambda: dev.find("/v1/subscriptions")))

        with serving(cli, port, webhooks=2) as n8n, Editor(n8n.url) as editor:
            editor.retry(editor.failed(called.id)[0])
            executions = n8n.wait_for(called.id, lambda executions: len(executions) == 2)
            after = only(dev.find("/v1/subscriptions"))

        tickets = [one for one in dev.records("zendesk", "tickets") if one["subject"] == GOOD["subject"]]
        assert executions[-1].error.startswith("A field is not valid")
        assert len(tickets) == 1
        assert after["id"] == before["id"]
