-- Trips that ended, one row each.
--
-- The key is the trip's id alone, so that a trip which is told again, with
-- another end too, replaces itself. Ids are hashes: time stands in no order and
-- makes no partition, but a column of three million times is read in a blink.
CREATE TABLE IF NOT EXISTS trips_raw
(
    trip_id       String                   CODEC(ZSTD(1)),
    started_at    DateTime64(3, 'UTC')     CODEC(ZSTD(1)),
    ended_at      DateTime64(3, 'UTC')     CODEC(ZSTD(1)),
    zone_id       UInt16                   CODEC(T64, ZSTD(1)),
    end_zone_id   UInt16                   CODEC(T64, ZSTD(1)),
    route         LowCardinality(String),
    vendor_id     Nullable(String)         CODEC(ZSTD(1)),
    driver_id     Nullable(String)         CODEC(ZSTD(1)),
    vehicle_id    Nullable(String)         CODEC(ZSTD(1)),
    passengers    Nullable(UInt8)          CODEC(ZSTD(1)),
    miles         Nullable(Float64)        CODEC(ZSTD(1)),
    seconds       Float64                  CODEC(ZSTD(1)),
    mph           Nullable(Float64)        CODEC(ZSTD(1)),
    payment_type  Nullable(Int32)          CODEC(T64, ZSTD(1)),
    rate_code     Nullable(Int32)          CODEC(T64, ZSTD(1)),
    fare          Nullable(Decimal(10, 2)) CODEC(ZSTD(1)),
    tip           Nullable(Decimal(10, 2)) CODEC(ZSTD(1)),
    tolls         Nullable(Decimal(10, 2)) CODEC(ZSTD(1)),
    total         Nullable(Decimal(10, 2)) CODEC(ZSTD(1)),
    tip_rate      Nullable(Float64)        CODEC(ZSTD(1)),
    completeness  Float64                  CODEC(ZSTD(1)),
    within_bounds UInt8                    CODEC(ZSTD(1)),
    version       UInt64                   CODEC(T64, ZSTD(1)),
    is_deleted    UInt8 DEFAULT 0          CODEC(ZSTD(1)),
    ingested_at   DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT zones_exist CHECK zone_id BETWEEN 1 AND 265 AND end_zone_id BETWEEN 1 AND 265
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY trip_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW trips AS
SELECT
    trip_id,
    started_at,
    ended_at,
    toTimeZone(started_at, 'America/New_York') AS started_at_local,
    toTimeZone(ended_at, 'America/New_York') AS ended_at_local,
    zone_id,
    end_zone_id,
    route,
    vendor_id,
    driver_id,
    vehicle_id,
    passengers,
    miles,
    seconds,
    mph,
    payment_type,
    rate_code,
    fare,
    tip,
    tolls,
    total,
    tip_rate,
    completeness,
    within_bounds,
    -- The join with the start is a rule of the alerts: what it found, or nothing.
    said.evidence AS disagrees,
    trips_raw.version AS version,
    trips_raw.ingested_at AS ingested_at
FROM trips_raw FINAL
LEFT ANY JOIN
(
    SELECT trip_id, evidence
    FROM alerts_raw FINAL
    WHERE rule = 'end_disagrees'
) AS said USING (trip_id);
