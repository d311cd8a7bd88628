-- Where to drive next: lists of routes and areas when they change, and the best driver of each hour.
CREATE TABLE IF NOT EXISTS opportunities_raw
(
    kind        LowCardinality(String),
    places      LowCardinality(String),
    time        DateTime64(3, 'UTC')           CODEC(Delta, ZSTD(1)),
    trip_id     String                         CODEC(ZSTD(1)),
    pickup      Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    dropoff     Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    ranks       String                         CODEC(ZSTD(3)),
    version     UInt64                         CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0                CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (kind, places, time, trip_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW opportunities AS
SELECT
    kind,
    places,
    time,
    toTimeZone(time, 'America/New_York') AS time_local,
    trip_id,
    pickup,
    dropoff,
    ranks,
    version,
    ingested_at
FROM opportunities_raw FINAL;
