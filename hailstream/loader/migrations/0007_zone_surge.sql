-- Surge prices: one row for each active zone and minute.
CREATE TABLE IF NOT EXISTS zone_surge_raw
(
    zone_id     UInt16               CODEC(Delta, ZSTD(1)),
    window_end  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    demand      UInt32               CODEC(T64, ZSTD(1)),
    supply      UInt32               CODEC(T64, ZSTD(1)),
    ratio       Float64              CODEC(ZSTD(1)),
    multiplier  Decimal(4, 1)        CODEC(T64, ZSTD(1)),
    previous    Decimal(4, 1)        CODEC(T64, ZSTD(1)),
    reason      LowCardinality(String),
    policy      LowCardinality(String),
    generation  UInt16               CODEC(ZSTD(1)),
    version     UInt64               CODEC(T64, ZSTD(1)),
    is_deleted  UInt8 DEFAULT 0      CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT zone_exists CHECK zone_id BETWEEN 1 AND 265,
    CONSTRAINT multiplier_is_no_discount CHECK multiplier >= 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(window_end)
ORDER BY (window_end, zone_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW zone_surge AS
SELECT
    zone_id,
    window_end,
    toTimeZone(window_end, 'America/New_York') AS window_end_local,
    demand,
    supply,
    ratio,
    multiplier,
    previous,
    reason,
    policy,
    generation,
    version,
    ingested_at
FROM zone_surge_raw FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
