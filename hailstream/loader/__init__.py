"""From the result topics to the databases, one consumer group a sink.

::

    Kafka result topics
       │  KafkaSource      messages, positions, lag, what holds it up
       ▼
    Batcher                until enough rows or enough time
       │  decode           Avro blocks into columns; the unreadable apart
       ▼
    Sink.write             ClickHouse, or Redis (now, last 24 hours)
       │  refused rows  →  load.rejected.v1
       ▼
    KafkaSource.commit     only now

A message is committed after its row was stored or its rejection was
delivered, never before: what a crash interrupts is done again, and the sinks
are idempotent by key and version, so that doing it again changes nothing.
"""
