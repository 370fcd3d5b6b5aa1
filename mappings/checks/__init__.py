"""What has to hold for every mapping, as functions: `lockstitch check-vendor` runs them, and so do the tests.

Each gives a `Result`: how many cases were tried and which of them failed. Nothing in here does I/O but reading the
golden records of the checkout that it is told of.
"""
