"""Unannounced changes in a vendor's answers, for `drift` faults: each record in a JSON answer is changed."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from emulators.http import Answer, BadJson


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How one vendor's records change. An object with the member `mark` is a record. `enums` are undocumented values;
    `types` convert a value to another type; both change only members that a record has. `field` is an added member,
    `gone` a removed one."""

    mark: str
    enums: Mapping[str, Any]
    types: Mapping[str, Callable[[Any], Any]]
    field: dict[str, Any]
    gone: tuple[str, ...]

    def bent(self, kind: str, answer: Answer) -> Answer:
        """Change an answer by `kind`: `enum`, `type`, `field` or `missing`. A refusal, or an answer without records,
        stays."""
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
