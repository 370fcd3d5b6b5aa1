"""How each vendor says it: one folder per vendor. Pure: bytes in, bytes out, no I/O."""
