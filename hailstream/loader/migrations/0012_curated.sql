-- The tables of batch curate. Rows are written under the number of a run and seen when the run is published:
-- one insert into curated_month_states shows all tables of all its months at once.
CREATE TABLE IF NOT EXISTS curated_month_states
(
    month        Date,
    run          UInt64,
    folder       String,
    fingerprint  String,
    trips        UInt64,
    published_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(run)
ORDER BY month
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW curated_months AS
SELECT month, run, folder, fingerprint, trips, published_at
FROM curated_month_states FINAL;

-- What became of rows on their way to staging, of every run, published or not.
CREATE TABLE IF NOT EXISTS curate_rules
(
    run         UInt64,
    month       Nullable(Date),
    rule        LowCardinality(String),
    kept        UInt64,
    marked      UInt64,
    dropped     UInt64,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (run, rule);

-- What checks of batch curate found, of every run, published or not.
CREATE TABLE IF NOT EXISTS quality_results
(
    run         UInt64,
    layer       LowCardinality(String),
    `table`     LowCardinality(String),
    `check`     String,
    severity    LowCardinality(String),
    passed      Bool,
    observed    String,
    expected    String,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (run, layer, `table`, `check`);

-- One row a New York day.
CREATE TABLE IF NOT EXISTS daily_summary_runs
(
    month             Date,
    date              Date,
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    drivers           UInt64,
    zones             UInt64,
    peak_hour         UInt8,
    hours             UInt8,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (date);

CREATE OR REPLACE VIEW daily_summary AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM daily_summary_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row an hour of the week and month.
CREATE TABLE IF NOT EXISTS hourly_patterns_runs
(
    month             Date,
    weekday           UInt8,
    hour_local        UInt8,
    hours             UInt32,
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (weekday, hour_local);

CREATE OR REPLACE VIEW hourly_patterns AS
SELECT
    * EXCEPT (run, ingested_at),
    round(rows / hours, 4) AS rows_an_hour,
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM hourly_patterns_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a day and kind of payment; null is not known.
CREATE TABLE IF NOT EXISTS payment_analysis_runs
(
    month             Date,
    date              Date,
    payment_type      Nullable(Int32),
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    tipped            UInt64,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (date);

CREATE OR REPLACE VIEW payment_analysis AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM payment_analysis_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a day and band of distance.
CREATE TABLE IF NOT EXISTS distance_analysis_runs
(
    month             Date,
    date              Date,
    band              LowCardinality(String),
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (date, band);

CREATE OR REPLACE VIEW distance_analysis AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM distance_analysis_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a way from zone to zone.
CREATE TABLE IF NOT EXISTS location_analysis_runs
(
    month             Date,
    zone_id           UInt16,
    end_zone_id       UInt16,
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (zone_id, end_zone_id);

CREATE OR REPLACE VIEW location_analysis AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM location_analysis_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a day and zone.
CREATE TABLE IF NOT EXISTS daily_zone_aggregations_runs
(
    month             Date,
    date              Date,
    zone_id           UInt16,
    zone              LowCardinality(String),
    borough           LowCardinality(String),
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    dropoffs          UInt64,
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (date, zone_id);

CREATE OR REPLACE VIEW daily_zone_aggregations AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM daily_zone_aggregations_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a vendor; null is not known.
CREATE TABLE IF NOT EXISTS vendor_performance_runs
(
    month             Date,
    vendor_id         Nullable(String),
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    hourly            Nullable(Decimal(18, 2)),
    score             Nullable(Float64),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (month);

CREATE OR REPLACE VIEW vendor_performance AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM vendor_performance_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a driver who is known.
CREATE TABLE IF NOT EXISTS driver_performance_runs
(
    month             Date,
    driver_id         String,
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    shifts            UInt64,
    shift_seconds     Int64,
    utilisation       Nullable(Float64),
    hourly            Nullable(Decimal(18, 2)),
    score             Nullable(Float64),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (driver_id);

CREATE OR REPLACE VIEW driver_performance AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM driver_performance_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a zone.
CREATE TABLE IF NOT EXISTS zone_performance_runs
(
    month             Date,
    zone_id           UInt16,
    zone              LowCardinality(String),
    borough           LowCardinality(String),
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    dropoffs          UInt64,
    active_hours      UInt32,
    peak_hour         UInt8,
    share_percent     Float64,
    hourly            Nullable(Decimal(18, 2)),
    score             Nullable(Float64),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (zone_id);

CREATE OR REPLACE VIEW zone_performance AS
SELECT
    * EXCEPT (run, ingested_at),
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM zone_performance_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row an hour, with its weather.
CREATE TABLE IF NOT EXISTS trip_weather_runs
(
    month             Date,
    hour_start        DateTime64(3, 'UTC'),
    date              Date,
    hour_local        UInt8,
    weekend           Bool,
    rows              UInt64,
    total_sum         Decimal(18, 2),
    trips             UInt64,
    revenue_sum       Decimal(18, 2),
    fare_sum          Decimal(18, 2),
    tip_sum           Decimal(18, 2),
    toll_sum          Decimal(18, 2),
    miles_sum         Decimal(18, 3),
    seconds_sum       Int64,
    passengers        UInt64,
    known_passengers  UInt64,
    temperature_c     Nullable(Float64),
    humidity_percent  Nullable(Float64),
    wind_kmh          Nullable(Float64),
    precipitation_mm  Nullable(Float64),
    snow              Nullable(Bool),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (hour_start);

CREATE OR REPLACE VIEW trip_weather AS
SELECT
    * EXCEPT (run, ingested_at),
    toTimeZone(hour_start, 'America/New_York') AS hour_start_local,
    if(trips > 0, round(toFloat64(fare_sum) / trips, 4), NULL) AS avg_fare,
    if(trips > 0, round(toFloat64(tip_sum) / trips, 4), NULL) AS avg_tip,
    if(trips > 0, round(toFloat64(miles_sum) / trips, 4), NULL) AS avg_miles,
    if(trips > 0, round(seconds_sum / trips / 60, 4), NULL) AS avg_minutes,
    if(fare_sum > 0, round(toFloat64(tip_sum) / toFloat64(fare_sum), 4), NULL) AS tip_rate,
    rows - trips AS excluded
FROM trip_weather_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a condition: what it does to demand, fare and tip.
CREATE TABLE IF NOT EXISTS weather_lifts_runs
(
    month             Date,
    condition         LowCardinality(String),
    hours             UInt32,
    trips             UInt64,
    expected_trips    Float64,
    demand_lift       Nullable(Float64),
    fare_lift         Nullable(Float64),
    tip_lift          Nullable(Float64),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (condition);

CREATE OR REPLACE VIEW weather_lifts AS
SELECT
    * EXCEPT (run, ingested_at)
FROM weather_lifts_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);

-- One row a zone and hour, for models.
CREATE TABLE IF NOT EXISTS demand_features_runs
(
    month             Date,
    zone_id           UInt16,
    hour_start        DateTime64(3, 'UTC'),
    date              Date,
    hour_local        UInt8,
    weekday           UInt8,
    weekend           Bool,
    holiday           Bool,
    trips             UInt32,
    quarter_trips     Array(UInt32),
    lag_1             Nullable(UInt32),
    lag_2             Nullable(UInt32),
    lag_3             Nullable(UInt32),
    lag_24            Nullable(UInt32),
    lag_168           Nullable(UInt32),
    mean_3            Nullable(Float64),
    mean_24           Nullable(Float64),
    mean_168          Nullable(Float64),
    temperature_c     Nullable(Float64),
    humidity_percent  Nullable(Float64),
    wind_kmh          Nullable(Float64),
    precipitation_mm  Nullable(Float64),
    snow              Nullable(Bool),
    run               UInt64,
    ingested_at       DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY (month, run)
ORDER BY (zone_id, hour_start);

CREATE OR REPLACE VIEW demand_features AS
SELECT
    * EXCEPT (run, ingested_at),
    toTimeZone(hour_start, 'America/New_York') AS hour_start_local
FROM demand_features_runs
WHERE (month, run) IN (SELECT month, run FROM curated_months);
