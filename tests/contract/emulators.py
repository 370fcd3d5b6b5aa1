"""The control interface of the vendors' emulators."""

from typing import Any, Final, Literal

import httpx
import msgspec

from tests.contract.callers import expect
from tests.contract.processes import NO_TLS
from tests.contract.waiting import until

Vendor = Literal["freshdesk", "hubspot", "salesforce", "shopify", "stripe", "woocommerce", "zendesk"]

HELD_MS: Final = 60_000


class Emulators:
    """Inspect the vendors' calls and records, and order faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_emulator", timeout=30.0, verify=NO_TLS)
        self._may_have_faults = False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def break_(
        self,
        vendor: Vendor,
        kind: str,
        *,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
        **fault: Any,
    ) -> None:
        """Order a fault for the next `times` matching calls, or for all with None."""
        match = {name: value for name, value in (("method", method), ("path", path)) if value is not None}
        order: dict[str, Any] = {"vendor": vendor, "fault": {"kind": kind, **fault}, "match": match}
        if times is not None:
            order["times"] = times
        self._may_have_faults = True
        expect(self._http.post("/faults", json=order), 201)

    def hold(self, vendor: Vendor, *, method: str | None = None, path: str | None = None) -> None:
        """Hold the next matching call until `mend`, and carry it out then."""
        self.break_(vendor, "slow", method=method, path=path, delay_ms=HELD_MS)

    def await_held(self) -> None:
        """Wait until a call has come for every ordered fault, as for each `hold`."""
        until(lambda: not self.standing_faults())

    def lose_reply(
        self, vendor: Vendor, *, after: int = 0, method: str | None = None, path: str | None = None, times: int = 1
    ) -> None:
        """Run the next matching call and drop its reply, after `after` calls without a fault."""
        if after:
            self.break_(vendor, "slow", method=method, path=path, times=after, delay_ms=0)
        self.break_(vendor, "timeout_after_commit", method=method, path=path, times=times, delay_ms=0)

    def standing_faults(self) -> list[dict[str, Any]]:
        """Return the faults that are not used up."""
        return self._http.get("/faults").json()

    def sent_webhooks(self, vendor: Vendor, *states: str) -> list[dict[str, Any]]:
        """Return a vendor's webhooks and what became of them, oldest first: those in each of the states, or all."""
        wanted = [{"vendor": vendor, "state": one} for one in states] or [{"vendor": vendor}]
        answers = [self._http.get("/webhooks/sent", params=one) for one in wanted]
        return [one for answer in answers for one in answer.json()]

    def mend(self) -> None:
        """Remove every fault, and let go the calls that are held."""
        if self._may_have_faults:
            assert self._http.delete("/faults").status_code == 200
            self._may_have_faults = False

    def reset(self) -> None:
        """Forget all records, calls, faults and limits."""
        assert self._http.post("/reset").status_code == 200

    def records(self, vendor: Vendor, object_name: str, holding: str = "") -> list[dict[str, Any]]:
        """Return the vendor's records that contain this text."""
        answer = expect(self._http.get("/records", params={"vendor": vendor, "object": object_name}))
        records: list[dict[str, Any]] = msgspec.json.decode(answer.content)["records"]
        return [record for record in records if holding in str(record)] if holding else records

    def place(self, vendor: Vendor, object_name: str, record: dict[str, Any]) -> dict[str, Any]:
        """Place a record without the vendor's validation."""
        answer = self._http.post("/records", json={"vendor": vendor, "object": object_name, "record": record})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def calls(self, vendor: Vendor) -> list[dict[str, Any]]:
        """Return the calls that the vendor got, newest last."""
        answer = self._http.get("/calls", params={"vendor": vendor})
        calls: list[dict[str, Any]] = msgspec.json.decode(answer.content)  # thousands, as the vendors are shared
        return calls

    def tokens(self, vendor: Vendor) -> list[str]:
        """Return the access and refresh tokens that are valid."""
        return self._http.get("/tokens", params={"vendor": vendor}).json()

    def limit(self, vendor: Vendor, **limits: float) -> None:
        """Set the vendor's `per_minute`, `search_lag` or `search_cap`."""
        assert self._http.post("/limits", json={"vendor": vendor, **limits}).status_code == 200


def writes(vendors: Emulators, vendor: Vendor) -> int:
    """How many requests could have changed something there."""
    calls = [one for one in vendors.calls(vendor) if one["method"] != "GET"]
    calls = [one for one in calls if not one["path"].endswith(("/search", "/read"))]
    return len([one for one in calls if vendor != "shopify" or "mutation" in str(one["body"])])
