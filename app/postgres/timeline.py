"""Recognise the server: a standby that was promoted, or a restored database, may lack what was committed before."""

from typing import Final

TIMELINE: Final = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer"
"""SQL text: the timeline of the primary. It rises with each promotion and each restore from an archive."""

SERVER: Final = f"(SELECT system_identifier || ' ' || {TIMELINE} FROM pg_control_system())"  # noqa: S608
"""SQL text: the cluster and its timeline."""
