-- Money of trips ended, by pick-up zone, window of 10 minutes sliding by 2.
-- Engine, order, partition, codecs and settings as in zone_counts_raw and for
-- the same reasons. Money is exact: sums are decimals, and averages and
-- deviations are computed when they are read.
CREATE TABLE IF NOT EXISTS zone_revenue_raw
(
    zone_id      UInt16                CODEC(Delta, ZSTD(1)),
    window_start DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    window_end   DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    rows         UInt32                CODEC(T64, ZSTD(1)),
    total_sum    Decimal(18, 2)        CODEC(T64, ZSTD(1)),
    trips        UInt32                CODEC(T64, ZSTD(1)),
    fare_sum     Decimal(18, 2)        CODEC(T64, ZSTD(1)),
    -- 128 bits wide, which T64 does not take.
    fare_sq      Decimal(22, 4)        CODEC(ZSTD(1)),
    tip_sum      Decimal(18, 2)        CODEC(T64, ZSTD(1)),
    toll_sum     Decimal(18, 2)        CODEC(T64, ZSTD(1)),
    excluded     UInt32                CODEC(T64, ZSTD(1)),
    duplicates   UInt32                CODEC(T64, ZSTD(1)),
    generation   UInt16                CODEC(ZSTD(1)),
    version      UInt64                CODEC(T64, ZSTD(1)),
    is_deleted   UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at  DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT zone_exists CHECK zone_id BETWEEN 1 AND 265,
    CONSTRAINT window_is_forward CHECK window_end > window_start
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, zone_id, window_end)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW zone_revenue AS
SELECT
    zone_id,
    window_start,
    window_end,
    toTimeZone(window_start, 'America/New_York') AS window_start_local,
    toTimeZone(window_end, 'America/New_York') AS window_end_local,
    rows,
    total_sum,
    trips,
    fare_sum,
    fare_sq,
    tip_sum,
    toll_sum,
    if(trips = 0, NULL, toFloat64(fare_sum) / trips) AS avg_fare,
    -- Sample deviation. The difference under the root is taken in exact
    -- decimals: in floating point two large, nearly equal numbers would cancel.
    if(
        trips < 2,
        NULL,
        sqrt(
            toFloat64(toDecimal256(fare_sq, 4) * trips - toDecimal256(fare_sum, 2) * toDecimal256(fare_sum, 2))
            / (toFloat64(trips) * (toFloat64(trips) - 1))
        )
    ) AS fare_stddev,
    if(trips = 0, NULL, toFloat64(tip_sum) / trips) AS avg_tip,
    if(trips = 0, NULL, toFloat64(toll_sum) / trips) AS avg_toll,
    excluded,
    duplicates,
    generation,
    version,
    ingested_at
FROM zone_revenue_raw FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
