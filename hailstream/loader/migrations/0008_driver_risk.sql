-- Drivers' risk: the newest score of each driver.
CREATE TABLE IF NOT EXISTS driver_risk_raw
(
    driver_id   String               CODEC(ZSTD(1)),
    event_time  DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    score       Float64              CODEC(ZSTD(1)),
    level       LowCardinality(String),
    alerts      UInt32               CODEC(T64, ZSTD(1)),
    last_rule   LowCardinality(String),
    version     UInt64               CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0      CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY driver_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW driver_risk AS
SELECT
    driver_id,
    event_time,
    toTimeZone(event_time, 'America/New_York') AS event_time_local,
    score,
    level,
    alerts,
    last_rule,
    version,
    ingested_at
FROM driver_risk_raw FINAL;
