-- Every run of a batch job: what it did, over which events, and what came of it.
-- It is written when the run begins and again when it ends, by a higher version;
-- a run that stays "running" was killed.
CREATE TABLE IF NOT EXISTS batch_run_states
(
    run          UInt64,
    job          LowCardinality(String),
    state        LowCardinality(String),
    began_at     DateTime64(3, 'UTC'),
    seconds      Float64,
    range_begin  Nullable(DateTime64(3, 'UTC')),
    range_end    Nullable(DateTime64(3, 'UTC')),
    rows_in      UInt64,
    rows_out     UInt64,
    code_version String,
    detail       String                CODEC(ZSTD(3)),
    version      UInt64,
    ingested_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY run
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW batch_runs AS
SELECT
    run,
    job,
    state,
    began_at,
    seconds,
    range_begin,
    range_end,
    rows_in,
    rows_out,
    code_version,
    detail,
    version,
    ingested_at
FROM batch_run_states FINAL;
