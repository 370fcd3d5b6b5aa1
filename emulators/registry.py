"""Which vendors there are."""

from importlib import import_module
from importlib.util import find_spec

from emulators.vendor import Emulator

VENDORS = ("hubspot", "shopify", "zendesk")


def _known() -> dict[str, Emulator]:
    modules = [import_module(f"emulators.{name}") for name in VENDORS if find_spec(f"emulators.{name}")]
    return {module.EMULATOR.name: module.EMULATOR for module in modules if hasattr(module, "EMULATOR")}


EMULATORS: dict[str, Emulator] = _known()
