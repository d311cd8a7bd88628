"""The rows that late events belong to: those that a stream gets wrong, and nobody can hold against it."""

from __future__ import annotations

from hailstream.proof.eventlog import EventLog
from hailstream.proof.expected import RECOUNTS, recount


def rows_of_late_events(log: EventLog) -> dict[str, int]:
    """Of each metric, how many rows of a recount in which nothing is late are missing or other in the stream's.

    The recounts replace the tables ``<metric>_expected`` of the log's connection.
    """
    found = {}
    for how in RECOUNTS:
        for late_counts in (False, True):
            recount(
                log.connection, how, disorder_ms=log.disorder_ms, horizon_ms=log.horizon_ms, late_counts=late_counts
            )
            if not late_counts:
                log.connection.execute(f"CREATE OR REPLACE TEMP TABLE {how.metric}_live AS FROM {how.metric}_expected")
        columns = [*how.sums, "duplicates"]
        same = " AND ".join(f'l."{name}" = e."{name}"' for name in columns)
        found[how.metric] = int(
            log.value(f"""
                SELECT count(*) FROM {how.metric}_live l
                FULL JOIN {how.metric}_expected e USING (zone_id, window_start, window_end)
                WHERE NOT coalesce({same}, false)""")
        )
    return found
