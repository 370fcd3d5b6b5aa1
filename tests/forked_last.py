"""What the process that `tests.forked` forks from does last: nothing that it has imported is ever scanned for garbage,
which would copy its memory into each fork."""

import gc

gc.collect()
gc.freeze()
