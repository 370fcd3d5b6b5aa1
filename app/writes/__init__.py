"""Writes: exactly one effect. Judge the key, resolve, prepare, execute, finish, recover."""
