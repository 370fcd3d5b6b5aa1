"""Checks that every mapping must pass. `lockstitch check-vendor` and the tests run them.

Each check returns a `Result`: the number of cases and the failures. The only I/O is reading the golden records of a
checkout.
"""
