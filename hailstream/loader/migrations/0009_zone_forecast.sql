-- Forecasts of trip starts: two rows for each active zone and quarter hour, for 15 and for 60 minutes.
CREATE TABLE IF NOT EXISTS zone_forecast_raw
(
    zone_id      UInt16               CODEC(Delta, ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    window_end   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    expected     Float64              CODEC(ZSTD(1)),
    low          Float64              CODEC(ZSTD(1)),
    high         Float64              CODEC(ZSTD(1)),
    level        Float64              CODEC(ZSTD(1)),
    profile      LowCardinality(String),
    wape_24h     Nullable(Float64)    CODEC(ZSTD(1)),
    generation   UInt16               CODEC(ZSTD(1)),
    version      UInt64               CODEC(T64, ZSTD(1)),
    is_deleted   UInt8 DEFAULT 0      CODEC(ZSTD(1)),
    ingested_at  DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT zone_exists CHECK zone_id BETWEEN 1 AND 265,
    CONSTRAINT window_is_forward CHECK window_end > window_start
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, zone_id, window_end)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW zone_forecast AS
SELECT
    zone_id,
    window_start,
    window_end,
    toTimeZone(window_start, 'America/New_York') AS window_start_local,
    toTimeZone(window_end, 'America/New_York') AS window_end_local,
    expected,
    low,
    high,
    level,
    profile,
    wape_24h,
    generation,
    version,
    ingested_at
FROM zone_forecast_raw FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
