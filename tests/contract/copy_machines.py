"""State machines of copies: staff change records at either side, webhooks come late and twice, links are split, sources
are deleted. A model says what each system holds afterwards, and which conflicts were named."""

from contextlib import ExitStack
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.quiet import UNDER_WAY, Vendors, sending_webhooks
from tests.contract.samples import word
from tests.contract.waiting import until

CONSUMERS: Final = """
[ownership.customers]
owner = "hubspot"

[ownership.customers.fields]
display_name = { owner = "other-zendesk" }
first_name = { owner = "other-zendesk" }
notes = { owner = "other-zendesk" }
tags = { owner = "other-zendesk" }
phones = { owner = "other-zendesk" }

[[consumers]]
most_writes_per_minute = 1000
object = "customers"
connection = "zendesk"
sources = ["shopify"]

[[consumers]]
most_writes_per_minute = 1000
object = "customers"
connection = "stripe"
sources = ["shopify"]
on_missing = "ignore"

[[consumers]]
most_writes_per_minute = 1000
object = "customers"
connection = "hubspot"
sources = ["woocommerce"]
fields = ["first_name", "last_name", "addresses", "emails"]

[[consumers]]
most_writes_per_minute = 1000
object = "customers"
connection = "woocommerce"
sources = ["hubspot"]
fields = ["last_name", "addresses", "emails"]
"""
TARGETS: Final[dict[Vendor, tuple[str, ...]]] = {
    "zendesk": ("name", "notes", "tags", "phone"),
    "stripe": ("name", "notes", "phone"),
}
NOTES: Final = ("Likes blue.", "Likes red.", "Likes green.")
NAMES: Final = ("Ines", "Noor", "Olga")
TAGS: Final = ("Gold", "fair", "Kiel")
FIELDS: Final = {"name": "display_name", "notes": "notes", "tags": "tags", "phone": "phones"}
"""The field of each value, as a conflict names it."""

targets = st.sampled_from(sorted(TARGETS))
places = st.sampled_from(range(3))
tag_sets = st.sets(st.sampled_from(TAGS))


class Held(Struct):
    """What the model says of one value of a target: `own`, it was changed there since; `put`, a copy put it there."""

    value: Any
    own: bool = False
    put: bool = True


class Running:
    """What the machines run against."""

    facade: ClassVar[Facade]
    caller: ClassVar[Caller]

    def without_limit(self) -> None:
        """Let the copies remove what they want: a machine clears more in an hour than people do."""
        self.facade.sql(
            "INSERT INTO consumer (name, released_until)"
            " SELECT one, now() + interval '1 day' FROM unnest($1::text[]) AS one"
            " ON CONFLICT (name) DO NOTHING",
            [f"customers:{name}" for name in (*TARGETS, "hubspot", "woocommerce")],
        )

    def settle(self) -> None:
        """Wait until all webhooks have arrived, and nothing is under way."""
        waiting = self.facade.vendors.sent_webhooks
        until(
            lambda: (
                not any(waiting(name, "waiting") for name in SENDERS) and self.facade.sql(UNDER_WAY)[0]["number"] == 0
            )
        )

    def read(self, connection: str, remote_id: str) -> dict[str, Any]:
        """A record as it is."""
        return self.caller.get(f"/v1/customers/{connection}:{remote_id}").json()

    def staff(self, connection: str, remote_id: str, **fields: Any) -> None:
        """Change a record as the vendor's own staff does."""
        expect(self.caller.write("PATCH", f"/v1/customers/{connection}-staff:{remote_id}", fields))

    def writes(self, vendor: Vendor) -> int:
        """How many requests may have changed something there."""
        calls = self.facade.vendors.calls(vendor)
        return len([one for one in calls if one["method"] not in ("GET", "HEAD") and "search" not in one["path"]])

    def copy(self, made: dict[str, Any], connection: str) -> dict[str, Any]:
        """Copy a record on request."""
        source = made["meta"]["connection"]
        path = f"/v1/customers/{source}:{made['meta']['remote_id']}/copies"
        answer = self.caller.write("POST", path, {"connection": connection})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


SENDERS: Final[tuple[Vendor, ...]] = ("shopify", "hubspot", "woocommerce")


def sending(facade: Facade) -> ExitStack:
    """The sources send webhooks."""
    stack = ExitStack()
    for vendor in SENDERS:
        stack.enter_context(sending_webhooks(facade, vendor))
    return stack


class OneWay(Running, RuleBasedStateMachine):
    """A shop whose customers are copied to a help desk, which lower-cases tags, and to a payment provider."""

    @initialize()
    def begin(self) -> None:
        """Create a customer, and copy it."""
        self.without_limit()
        self.mark, number = word(), int(word()[1:], 16) % 10**6
        self.phones = [f"+44117{number:06}{last}" for last in range(3)]
        self.source: dict[str, Any] = {"name": "Ada", "notes": NOTES[0], "tags": {"Gold"}, "phone": self.phones[0]}
        body = {"last_name": self.mark, "emails": [{"address": f"{self.mark}@example.com"}], **self._sent(self.source)}
        self.made = self.caller.create("/v1/customers?connection=shopify", body)
        self.settle()
        self.copies = {name: self.copy(self.made, name)["meta"]["remote_id"] for name in TARGETS}
        self.model = {name: {one: Held(self.source[one]) for one in fields} for name, fields in TARGETS.items()}
        for values in self.model.values():
            if "tags" in values:
                values["tags"] = Held({"gold": True})
        self.known = {"gold"}
        self.linked, self.deleted = set[Vendor](TARGETS), False
        self.conflicts: list[tuple[str, str]] = []

    # What staff do.

    @precondition(lambda self: not self.deleted)
    @rule(name=st.sampled_from(("name", "notes", "phone")), place=places, late=st.booleans(), twice=st.booleans())
    def edit_source(self, name: str, place: int, late: bool, twice: bool) -> None:
        """Replace a value in the shop."""
        self._disturb(late, twice)
        self._change({name: {"name": NAMES, "notes": NOTES, "phone": self.phones}[name][place]})

    @precondition(lambda self: not self.deleted)
    @rule(tags=tag_sets, twice=st.booleans())
    def tag_source(self, tags: set[str], twice: bool) -> None:
        """Replace the tags in the shop."""
        self._disturb(False, twice)
        self._change({"tags": tags})

    @precondition(lambda self: not self.deleted)
    @rule(name=st.sampled_from(("notes", "phone")), late=st.booleans())
    def clear_source(self, name: str, late: bool) -> None:
        """Clear a value in the shop."""
        self._disturb(late, False)
        self._change({name: None})

    @rule(there=targets, name=st.sampled_from(("name", "notes", "phone")), place=places)
    def edit_target(self, there: Vendor, name: str, place: int) -> None:
        """Replace a value at a target."""
        value = {"name": NAMES, "notes": NOTES, "phone": self.phones}[name][place]
        sent = {"display_name": f"{value} {self.mark}"} if name == "name" else self._sent({name: value})
        self.staff(there, self.copies[there], **sent)
        if self.model[there][name].value != value:
            self.model[there][name] = Held(value, own=True, put=False)

    @rule(tags=tag_sets)
    def tag_target(self, tags: set[str]) -> None:
        """Replace the tags at the help desk."""
        self.staff("zendesk", self.copies["zendesk"], tags=sorted(one.lower() for one in tags))
        before = self.model["zendesk"]["tags"].value
        self.model["zendesk"]["tags"].value = {one.lower(): before.get(one.lower(), False) for one in tags}

    @precondition(lambda self: "stripe" in self.linked and not self.deleted)
    @rule()
    def split(self) -> None:
        """Say that two records are not one person."""
        assert self.facade.lockstitch("links", "split", self.made["id"], "stripe").returncode == 0
        self.linked.remove("stripe")

    @precondition(lambda self: not self.deleted)
    @rule()
    def delete_source(self) -> None:
        """Delete the customer in the shop."""
        Vendors(self.facade.vendors.url).delete("shopify", self.made["meta"]["remote_id"])
        self.settle()
        self.deleted = True

    @precondition(lambda self: not self.deleted)
    @rule(there=targets)
    def copy_again(self, there: Vendor) -> None:
        """Copy on request: nothing has changed in the shop, so nothing is written."""
        if there in self.linked:
            before = self.writes(there)
            self.copy(self.made, there)
            assert self.writes(there) == before

    # What must hold.

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        """The source's changes have arrived, and the target's own have stayed."""
        for target, fields in self.model.items():
            record = self.read(target, self.copies[target])
            present = {
                "name": record["display_name"].removesuffix(f" {self.mark}"),
                "notes": record["notes"] or None,
                "phone": record["phones"][0]["e164"] if record["phones"] else None,
                "tags": {one.lower() for one in record["tags"]},
            }
            expected = {name: set(one.value) if name == "tags" else one.value for name, one in fields.items()}
            assert {name: present[name] for name in fields} == expected, target

    @invariant()
    def conflicts_are_named(self) -> None:
        """Each conflict is an Event, and nothing else is one."""
        conflicts = [(one["connection"], name) for one in self._events("copy.conflict") for name in one["fields"]]
        assert sorted(conflicts) == sorted(self.conflicts)

    @invariant()
    def a_deletion_is_announced(self) -> None:
        """Once, if there was one."""
        assert len(self._events("copy.source_deleted")) == self.deleted

    def _events(self, kind: str) -> list[dict[str, Any]]:
        """The data of the Events about the customer."""
        params = {"type": kind, "since": self.made["created_at"], "limit": 250}
        data = self.caller.get("/v1/events", params=params).json()["data"]
        return [one["data"] for one in data if one["data"]["id"] == self.made["id"]]

    # The model.

    def _change(self, fields: dict[str, Any]) -> None:
        before = {name: self.source[name] for name in fields}
        self.staff("shopify", self.made["meta"]["remote_id"], **self._sent(fields))
        self.source |= fields
        self.settle()
        if before != fields:
            for target in sorted(self.linked):
                self._sync(target, fields, before)

    def _sync(self, target: Vendor, fields: dict[str, Any], before: dict[str, Any] | None = None) -> None:
        """Change the model of a target as a copy of these changes of the source does."""
        values = self.model[target]
        for name, value in fields.items():
            if name == "tags" or name not in values:
                continue
            there = values[name]
            if there.value == value:
                values[name] = Held(value, put=there.put and not there.own)
            elif value is None:
                if not there.own and there.put:
                    values[name] = Held(None)
                elif there.own and name == "notes":
                    self.conflicts.append((target, FIELDS[name]))
            else:
                if there.own and before is not None and not self._is_free(name, before, there):
                    self.conflicts.append((target, FIELDS[name]))
                values[name] = Held(value)
        if "tags" in values:
            self._sync_tags(values["tags"], fields)

    def _is_free(self, name: str, before: dict[str, Any], there: Held) -> bool:
        """A first number is no conflict where there is none."""
        return name == "phone" and there.value is None

    def _sync_tags(self, there: Held, fields: dict[str, Any]) -> None:
        wanted = {one.lower() for one in fields.get("tags", self.source["tags"])}
        tags: dict[str, bool] = there.value
        for one in [name for name in self.known - wanted if tags.get(name)]:
            del tags[one]
        for one in wanted - self.known:
            tags.setdefault(one, True)
        self.known = wanted

    def _disturb(self, late: bool, twice: bool) -> None:
        if late:
            self.facade.vendors.break_("shopify", "late_webhook", delay_ms=200)
        if twice:
            self.facade.vendors.break_("shopify", "duplicate_webhook")

    def _sent(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The values as they are sent to a vendor."""
        sent: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "name":
                sent["first_name"] = value
            elif name == "phone":
                sent["phones"] = [] if value is None else [{"e164": value}]
            else:
                sent[name] = sorted(value) if name == "tags" else value
        return sent

    def teardown(self) -> None:
        """Leave no faults."""
        self.facade.vendors.mend()
