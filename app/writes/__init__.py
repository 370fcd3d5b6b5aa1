"""Writes: exactly one effect. Judge the key, resolve, prepare, execute, finish, recover.

A copy is a write of another record's values: `copy_merge` merges it into its target, `copy_links` links the two. Which
record is copied, and when, is the matter of `app.copies`.
"""
