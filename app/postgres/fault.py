"""Why a database that answers cannot be used."""

from msgspec import Struct


class DatabaseFault(Struct, frozen=True, kw_only=True):
    """`why` it cannot be used, and how to `mend` that: a command, or a sentence that ends with one."""

    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.why}: {self.mend}"
