"""The ClickHouse engine in a process of its own, behind ClickHouse's HTTP interface.

``python -m hailstream.local.clickhouse_server --path DIR --port PORT`` serves
the tables in ``DIR`` to whatever speaks HTTP to a ClickHouse server. The
engine is the one of the server (chDB), so SQL, formats, settings and error
codes are its own; this package adds the protocol around it.

* An insert that was answered with 200 survives the death of the process. It
  does not ask the disk to sync, so a power cut may take the last seconds, as
  with a ClickHouse server on its defaults (``fsync_after_insert``).
* A body is read to its end before any of it is inserted: a client that goes
  away half way leaves nothing behind. A row that cannot be read refuses the
  whole insert while it fits one block (about a million rows into one
  partition), which is the engine's own promise.
* Its data waits in a nameless file below ``DIR``, so an insert needs that much
  space there, and is refused (243) when less than 64 MiB are free.
* Each request has an engine connection of its own, each ``session_id`` one
  that lasts. Queries run side by side; ``/ping`` never waits for one.
* Whoever reaches the port can read what this process may read, because the
  engine resolves file names. It listens on loopback; set a password where
  others share the machine.
"""
