-- What the rules of the anomalies job found: one row for each rule and trip, or
-- pair of trips.
--
-- The key is an id made of rule and trips, so an alert that is found again, by a
-- replay or by batch, replaces itself. It holds no time and so makes no
-- partition; the rule before it keeps the alerts of one rule together.
CREATE TABLE IF NOT EXISTS alerts_raw
(
    alert_id      String                CODEC(ZSTD(1)),
    rule          LowCardinality(String),
    severity      LowCardinality(String),
    event_time    DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    trip_id       String                CODEC(ZSTD(1)),
    other_trip_id Nullable(String)      CODEC(ZSTD(1)),
    driver_id     Nullable(String)      CODEC(ZSTD(1)),
    zone_id       UInt16                CODEC(T64, ZSTD(1)),
    observed      Float64               CODEC(ZSTD(1)),
    expected      Float64               CODEC(ZSTD(1)),
    samples       Nullable(UInt64)      CODEC(T64, ZSTD(1)),
    unit          LowCardinality(String),
    evidence      String                CODEC(ZSTD(3)),
    version       UInt64                CODEC(T64, ZSTD(1)),
    is_deleted    UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at   DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (rule, alert_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW alerts AS
SELECT
    alert_id,
    rule,
    severity,
    event_time,
    toTimeZone(event_time, 'America/New_York') AS event_time_local,
    trip_id,
    other_trip_id,
    driver_id,
    zone_id,
    observed,
    expected,
    samples,
    unit,
    evidence,
    version,
    ingested_at
FROM alerts_raw FINAL;
