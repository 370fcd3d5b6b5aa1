"""A client of the Salesforce emulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

from ..conftest import RunningEmulators

TOKEN = "salesforce-dev-token"


class Desk:
    """The API of one org, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.http = emulators.client("/salesforce/services/data/v62.0/", headers={"Authorization": f"Bearer {TOKEN}"})

    def made(self, sobject: str, **fields: Any) -> str:
        """The id of a new record."""
        answer = expect(self.http.post(f"sobjects/{sobject}", json=fields), 201).json()
        assert (answer["success"], answer["errors"]) == (True, [])
        return answer["id"]

    def query(self, soql: str, *, deleted_too: bool = False, batch: int | None = None) -> Any:
        """The answer to a query that succeeds."""
        headers = {} if batch is None else {"Sforce-Query-Options": f"batchSize={batch}"}
        return expect(self.http.get("queryAll" if deleted_too else "query", params={"q": soql}, headers=headers)).json()

    def values(self, soql: str, name: str) -> list[Any]:
        """One field of the records that a query finds."""
        return [record[name] for record in self.query(soql)["records"]]

    def refused(self, soql: str) -> str:
        """The code with which a query is refused."""
        return code_of(expect(self.http.get("query", params={"q": soql}), 400))


def code_of(answer: httpx.Response) -> str:
    """The code of the first complaint."""
    return answer.json()[0]["errorCode"]


@pytest.fixture
def desk(emulators: RunningEmulators) -> Iterator[Desk]:
    """A new org."""
    desk = Desk(emulators)
    yield desk
    desk.http.close()
