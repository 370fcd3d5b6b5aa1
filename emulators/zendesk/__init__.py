"""An emulator of Zendesk Support: users, tickets, search, exports, as its API v2 answers."""

from emulators.vendor import Emulator
from emulators.zendesk.emulator import Zendesk

EMULATOR: Emulator = Zendesk()
