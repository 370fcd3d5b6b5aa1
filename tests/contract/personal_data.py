"""Plant personal data where exports and operators may carry it: in accepted and refused files, in dead letters of rows
and of a webhook, and in the payloads of redrives."""

from typing import Any, Final

from tests.contract.callers import Caller
from tests.contract.exports import HEADER, dead_letters, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot

RUN: Final = "planted-export"
ALERTS: Final = """
[alerts]
url = "env:ALARM_URL"
heartbeat_url = "env:SIGN_URL"
heartbeat_seconds = 5
"""


def plant_in_exports(caller: Caller, name: str, email: str, phone: str) -> dict[str, Any]:
    """Send bad rows of every kind, and refused files. Return the upload of the rows."""
    upload = settled(
        caller,
        send(
            caller,
            export(
                line(1, name=name, email=email),
                line(2, name=name, email=f"{email} {name}"),
                line(3, name=name, email=email, state=name),
                line(4, name=name, email=email, since=phone),
                line(5, name=name, email=email) + f";{phone}",
                line(1, name=name, email=f"x{email}"),
                line(6, name=name, email=email, no=""),
            ),
            **{"x-correlation-id": RUN},
        ),
    )
    assert (upload["settled"], upload["refused"]) == (1, 6)
    someone = f"C00007;{name};{email};A;01.07.2026"
    send(caller, someone.encode())
    send(caller, f"{HEADER}{someone}".encode())
    send(caller, f'{HEADER}\n{someone}\nC00008;"{name};{email}'.encode())
    send(caller, f"{HEADER};E-mail\n{someone}".encode("utf-16"))
    send(caller, b"", **{"content-type": f"text/csv; charset={name}"})
    for connection in (email, "hubspot"):
        headers = {"idempotency-key": email, "content-type": "text/csv"}
        caller.post(f"/v1/uploads/{connection}", content=someone.encode(), headers=headers)
    caller.get(f"/v1/uploads/legacy/{email}")
    caller.get(f"/v1/uploads/{email}/{upload['id']}")
    return upload


def plant_in_redrives(caller: Caller, upload: dict[str, Any], name: str, email: str) -> None:
    """Send an invalid redrive of each row, mend some rows, and redrive all others at once."""
    cell, state, since, surplus, second, nameless = dead_letters(caller, upload)
    path = f"/ops/dead-letters/{cell['id']}/redrive"
    for wrong in (name, {"receipt": email, "payload": {}}, {"receipt": cell["origin"], "who": email}, [email]):
        caller.post(path, json={"payload": wrong})
    caller.post(path, json={"payload": cell["payload"], "who": email})
    for letter, changed in (
        (cell, {"cells": cell["payload"]["payload"]["cells"] | {"E-mail": f"{name} <{email}>"}}),
        (state, {"cells": state["payload"]["payload"]["cells"] | {name: email}}),
        (since, {"cells": {name: email}}),
        (surplus, {"fault": f"{name} says {email}"}),
        (second, {"row": name}),
        (nameless, {"cells": nameless["payload"]["payload"]["cells"] | {"Customer No": "C00009"}}),
    ):
        payload = letter["payload"] | {"payload": letter["payload"]["payload"] | changed}
        caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={"payload": payload}).raise_for_status()
    again = until(lambda: dead_letters_of(caller), lambda letters: len(letters) == 5)
    caller.post(f"/ops/dead-letters/{again[0]}/discard", json={"because": 1, "who": email})
    caller.get(f"/ops/dead-letters/{email}")
    caller.get(f"/ops/redrives/{email}")
    for wrong in (
        {"filter": {"category": name}},
        {"filter": {"since": email}},
        {"filter": {"who": name}},
        {"filter": {"connection": "legacy"}, "rate_per_second": name},
    ):
        caller.post("/ops/redrives", json=wrong)
    caller.post("/ops/redrives", json={"filter": {"connection": "legacy"}, "dry_run": True}).raise_for_status()
    begun = caller.post("/ops/redrives", json={"filter": {"connection": "legacy"}}).raise_for_status().json()
    until(lambda: caller.get(f"/ops/redrives/{begun['id']}").json()["state"], lambda state: state == "done")
    assert begun["total"] == 5


def dead_letters_of(caller: Caller) -> list[str]:
    """Return the ids of the open dead letters of the export's run."""
    page = caller.get("/ops/dead-letters", params={"correlation_id": RUN}).raise_for_status().json()
    return [letter["id"] for letter in page["data"]]


def plant_in_a_dead_webhook(facade: Facade, caller: Caller, holding: str, name: str, email: str) -> None:
    """Send a webhook about an unreadable record, then edit and redrive its dead letter."""
    (record, *_) = facade.vendors.records("hubspot", "contacts", holding)
    facade.vendors.break_("hubspot", "drift", path="/crm/v3/objects/contacts*", times=None, change="type")
    endpoint = WebhookEndpoint(facade, "hubspot")
    event = contact_event(objectId=int(record["id"]), propertyValue=email)
    assert endpoint.accepted(hubspot(endpoint.url, event)) == (1, 0)
    where = {"connection": "hubspot", "kind": "ingest"}
    page = until(lambda: caller.get("/ops/dead-letters", params=where).json(), lambda page: page["data"])
    facade.vendors.mend()
    letter = caller.get(f"/ops/dead-letters/{page['data'][0]['id']}").raise_for_status().json()
    payload = letter["payload"]
    payload["payload"]["propertyValue"] = name
    caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={"payload": payload}).raise_for_status()
