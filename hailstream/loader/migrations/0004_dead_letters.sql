-- What the jobs could not read, what came too late for its window, and what a
-- sink refused. Their keys name a message and hold no time, so there is no
-- partition: it could be made of nothing but the topic. Messages of one topic
-- lie side by side in offset order, which DoubleDelta stores in almost nothing;
-- the original bytes of neighbours resemble each other, hence the stronger ZSTD.
CREATE TABLE IF NOT EXISTS rejected_raw
(
    topic       LowCardinality(String),
    partition   UInt32                CODEC(Delta, ZSTD(1)),
    offset      UInt64                CODEC(DoubleDelta, ZSTD(1)),
    record_time DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    reason      LowCardinality(String),
    detail      String                CODEC(ZSTD(3)),
    value       String                CODEC(ZSTD(3)),
    version     UInt64                CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW rejected AS
SELECT
    topic,
    partition,
    offset,
    record_time,
    toTimeZone(record_time, 'America/New_York') AS record_time_local,
    reason,
    detail,
    value,
    version,
    ingested_at
FROM rejected_raw FINAL;

CREATE TABLE IF NOT EXISTS late_raw
(
    topic       LowCardinality(String),
    partition   UInt32                CODEC(Delta, ZSTD(1)),
    offset      UInt64                CODEC(DoubleDelta, ZSTD(1)),
    metric      LowCardinality(String),
    event_time  DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    watermark   DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    trip_id     String                CODEC(ZSTD(1)),
    zone_id     UInt16                CODEC(T64, ZSTD(1)),
    value       String                CODEC(ZSTD(3)),
    version     UInt64                CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (topic, partition, offset, metric)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW late AS
SELECT
    topic,
    partition,
    offset,
    metric,
    event_time,
    watermark,
    toTimeZone(event_time, 'America/New_York') AS event_time_local,
    -- How far behind the watermark the event was when it came.
    dateDiff('millisecond', event_time, watermark) / 1000 AS seconds_behind,
    trip_id,
    zone_id,
    value,
    version,
    ingested_at
FROM late_raw FINAL;

CREATE TABLE IF NOT EXISTS load_rejected_raw
(
    sink        LowCardinality(String),
    topic       LowCardinality(String),
    partition   UInt32                CODEC(Delta, ZSTD(1)),
    offset      UInt64                CODEC(DoubleDelta, ZSTD(1)),
    reason      String                CODEC(ZSTD(1)),
    value       String                CODEC(ZSTD(3)),
    version     UInt64                CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (sink, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW load_rejected AS
SELECT
    sink,
    topic,
    partition,
    offset,
    reason,
    value,
    version,
    ingested_at
FROM load_rejected_raw FINAL;
