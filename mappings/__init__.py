"""Mappings between vendor records and the canonical model, one folder per vendor. Pure: bytes in, bytes out, no I/O."""
