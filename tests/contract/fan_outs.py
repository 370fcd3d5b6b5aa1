"""Consumers of changes, and the operations of their fan_outs."""

import json
from typing import Any, Final

from tests.contract.callers import Caller, expect
from tests.contract.copying import buyer
from tests.contract.facade import Facade
from tests.contract.quiet import UNDER_WAY
from tests.contract.waiting import until

CONSUMERS: Final = """
[[consumers]]
object = "customers"
connection = "hubspot"
sources = ["shopify", "woocommerce"]
match_on = "email"

[[consumers]]
object = "customers"
connection = "salesforce"
sources = ["shopify"]
match_on = "email"
fields = ["first_name", "last_name", "emails"]

[[consumers]]
object = "customers"
connection = "zendesk"
sources = ["shopify", "hubspot"]
match_on = "email"

[[consumers]]
object = "customers"
connection = "woocommerce"
sources = ["hubspot"]
match_on = "email"
on_missing = "ignore"

[[consumers]]
object = "customers"
connection = "freshdesk"
sources = ["stripe"]
on_missing = "ignore"

[[consumers]]
object = "customers"
connection = "salesforce-eu"
sources = ["shopify-eu"]
match_on = "email"
requires_consent = "email"

[[consumers]]
object = "customers"
connection = "stripe"
sources = ["legacy"]
match_on = "email"

[[consumers]]
object = "tickets"
connection = "freshdesk"
sources = ["zendesk"]

[[consumers]]
object = "tickets"
connection = "zendesk"
sources = ["salesforce"]

[[consumers]]
object = "orders"
connection = "shopify"
sources = ["hubspot"]
"""


def change(caller: Caller, made: dict[str, Any], **fields: Any) -> None:
    expect(caller.write("PATCH", f"/v1/customers/{made['id']}", fields))


def settle(facade: Facade) -> None:
    """Wait until nothing is under way."""
    until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)


def at(caller: Caller, made: dict[str, Any], connection: str) -> dict[str, Any]:
    return caller.get(f"/v1/customers/{made['id']}?connection={connection}").json()


def fan_outs(facade: Facade, made: dict[str, Any], connection: str) -> list[dict[str, Any]]:
    """The operations of the fan_outs of a record at one consumer, oldest first."""
    rows = facade.sql(
        "SELECT id, effect, outcome FROM operation WHERE principal = $1 AND remote_id = $2 ORDER BY id",
        f"consumer:customers:{connection}",
        at_remote(facade, made, connection),
    )
    return [dict(row) for row in rows]


def at_remote(facade: Facade, made: dict[str, Any], connection: str) -> str:
    (row,) = facade.sql(
        "SELECT remote_id FROM link WHERE canonical_id = $1 AND connection = $2", made["id"], connection
    )
    return str(row["remote_id"])


def skipped(facade: Facade, made: dict[str, Any]) -> list[str]:
    """Why fan_outs of the run that made a record sent nothing."""
    rows = facade.sql(
        "SELECT facts FROM audit_event WHERE type = 'fan_out.skipped' AND correlation_id = $1 ORDER BY id",
        made["meta"]["correlation_id"],
    )
    return [json.loads(row["facts"])["because"] for row in rows]


def consenting(caller: Caller, state: str | None) -> dict[str, Any]:
    consents = {} if state is None else {"consents": [{"channel": "email", "state": state}]}
    return buyer(caller, "shopify-eu", **consents)
