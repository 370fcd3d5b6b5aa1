"""How a vendor's answers change overnight, for `drift` faults: each record in an answer of JSON is bent."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from emulators.http import Answer, BadJson


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the records of one vendor.

    An object with the member `mark` is a record. `enums` are undocumented values, `types` turn a value into one of
    another type; both change only members that a record has. `field` is what every record has more, `gone` what it has
    less.
    """

    mark: str
    enums: Mapping[str, Any]
    types: Mapping[str, Callable[[Any], Any]]
    field: dict[str, Any]
    gone: tuple[str, ...]

    def bent(self, kind: str, answer: Answer) -> Answer:
        """Bend an answer in the way of `kind`: `enum`, `type`, `field` or `missing`. A refusal, and an answer without
        records, stays as it is."""
        if answer.status >= 400:
            return answer
        try:
            return answer.with_json(self._bent(kind, answer.json()))
        except BadJson:
            return answer

    def _bent(self, kind: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._bent(kind, one) for one in value]
        if not isinstance(value, dict):
            return value
        if self.mark not in value:
            return {name: self._bent(kind, one) for name, one in value.items()}
        match kind:
            case "field":
                return value | dict(self.field)
            case "missing":
                return {name: one for name, one in value.items() if name not in self.gone}
            case "type":
                return value | {name: change(value[name]) for name, change in self.types.items() if name in value}
        return value | {name: word for name, word in self.enums.items() if name in value}
