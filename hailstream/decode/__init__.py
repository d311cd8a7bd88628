"""Events from bytes: whole batches at once, each message judged by itself.

::

    values ─► framing ─► schema by id ─► walk: all messages, field by field ─► columns
                 │            │            └─ not proved ─► fastavro, message by message ─┤
                 └────────────┴────────────────────────────────────────────► reason ◄─────┘
"""

from hailstream.decode.batch import BatchDecoder
from hailstream.decode.rows import Column, Decoded
from hailstream.decode.writers import WriterSchemas, registry_refresher

__all__ = ["BatchDecoder", "Column", "Decoded", "WriterSchemas", "registry_refresher"]
