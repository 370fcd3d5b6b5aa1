"""The state machine of two systems that copy to each other."""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contract.copy_machines import NAMES, Running, places
from tests.contract.emulators import Vendor
from tests.contract.samples import word

HOME: Final = {"type": "billing", "line1": "Uferweg 3", "line2": "Hof", "city": "Kiel", "country_code": "DE"}
STREETS: Final = ("Uferweg 3", "Am Markt 9", "Lange Gasse 1")


class TwoWays(Running, RuleBasedStateMachine):
    """A shop and a CRM that copy to each other. The CRM has one line for a street, and owns every field."""

    @initialize()
    def begin(self) -> None:
        """Create a customer in the shop, and copy it."""
        self.without_limit()
        self.mark = word()
        body = {"first_name": "Ada", "last_name": self.mark, "addresses": [HOME]}
        emails = [{"address": f"{self.mark}@example.com"}]
        self.shop = self.caller.create("/v1/customers?connection=woocommerce", {**body, "emails": emails})
        self.settle()
        self.crm = self.copy(self.shop, "hubspot")
        self.settle()
        self.streets = {"shop": ("Uferweg 3", "Hof"), "crm": ("Uferweg 3, Hof", None)}
        self.names = {"shop": ("Ada", self.mark), "crm": ("Ada", self.mark)}

    @rule(place=places, twice=st.booleans())
    def move_in_the_shop(self, place: int, twice: bool) -> None:
        """The customer moves, and tells the shop."""
        self._expecting("woocommerce", twice)
        address = HOME | {"line1": STREETS[place]}
        self._edit("woocommerce", self.shop, addresses=[address])
        if self.streets["shop"] != (STREETS[place], "Hof"):
            self.streets = {"shop": (STREETS[place], "Hof"), "crm": (f"{STREETS[place]}, Hof", None)}

    @rule(place=places, late=st.booleans())
    def move_in_the_crm(self, place: int, late: bool) -> None:
        """The customer moves, and tells an agent."""
        if late:
            self.facade.vendors.break_("hubspot", "late_webhook", delay_ms=200)
        self._edit("hubspot", self.crm, addresses=[{**HOME, "line1": STREETS[place], "line2": None}])
        if self.streets["crm"][0] != STREETS[place]:
            self.streets = dict.fromkeys(("shop", "crm"), (STREETS[place], None))

    @rule(place=places)
    def rename_in_the_crm(self, place: int) -> None:
        """The family name goes both ways."""
        last = f"{self.mark}{place}"
        self._edit("hubspot", self.crm, last_name=last)
        self.names = {one: (first, last) for one, (first, _) in self.names.items()}

    @rule(place=places)
    def rename_in_the_shop(self, place: int) -> None:
        """The first name goes one way."""
        self._edit("woocommerce", self.shop, first_name=NAMES[place])
        before = self.names["shop"][0]
        self.names["shop"] = (NAMES[place], self.names["shop"][1])
        if before != NAMES[place]:
            self.names["crm"] = (NAMES[place], self.names["crm"][1])

    @rule(place=places)
    def rename_first_in_the_crm(self, place: int) -> None:
        """The CRM owns the first name, which does not go to the shop."""
        self._edit("hubspot", self.crm, first_name=NAMES[place])
        self.names["crm"] = (NAMES[place], self.names["crm"][1])

    @invariant()
    def both_are_as_the_model_says(self) -> None:
        """A change goes to the other side, and no loss comes back."""
        for side, record in (("shop", self.shop), ("crm", self.crm)):
            customer = self.read(record["meta"]["connection"], record["meta"]["remote_id"])
            assert (customer["first_name"], customer["last_name"]) == self.names[side], side
            assert [(one["line1"], one["line2"]) for one in customer["addresses"]] == [self.streets[side]], side

    def _expecting(self, vendor: Vendor, twice: bool) -> None:
        if twice:
            self.facade.vendors.break_(vendor, "duplicate_webhook")

    def _edit(self, connection: Vendor, record: dict[str, Any], **fields: Any) -> None:
        """Change a record. Nothing comes back to it, and the other one gets at most one write."""
        other = self.crm if record is self.shop else self.shop
        own, before = self._copied(record), self._copied(other)
        # WooCommerce counts in seconds: of two webhooks with one body in a second, one is a duplicate.
        unique = {"company_name": word()} if connection == "woocommerce" else {}
        self.staff(connection, record["meta"]["remote_id"], **fields, **unique)
        self.settle()
        assert self._copied(record) == own
        assert self._copied(other) <= before + 1

    def _copied(self, record: dict[str, Any]) -> int:
        """How often a copy was written to a record."""
        rows = self.facade.sql(
            "SELECT 1 FROM operation WHERE connection = $1 AND remote_id = $2 AND principal LIKE 'consumer:%'",
            *(record["meta"]["connection"], record["meta"]["remote_id"]),
        )
        return len(rows)

    def teardown(self) -> None:
        """Leave no faults."""
        self.facade.vendors.mend()
