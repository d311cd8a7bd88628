"""What ClickHouse has, held against what the archive gives, row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hailstream.reconcile.columns import KeyedTable

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

#: How a row compares.
EQUAL: Final = "equal"
MISSING: Final = "missing"
EXTRA: Final = "extra"
DIFFERENT: Final = "different"
#: Rows of records that one of archive, job and loader has not come to yet: not compared.
WAITING: Final = "on its way"

#: Why a row differs. The first that holds is told.
RULE_VERSION: Final = "rule version"
LATE_ROWS: Final = "late rows"
NOT_SAID: Final = "not said"
DUPLICATE: Final = "duplicate"
UNEXPLAINED: Final = "unexplained"
REASONS: Final = (RULE_VERSION, LATE_ROWS, NOT_SAID, DUPLICATE, UNEXPLAINED)

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Group:
    """Rows that compare alike.

    Attributes:
        reason: why they differ; empty for rows that do not.
        hour: in which their time is (ms), or None: any.
        zone: or None: any.
        rows: how many.
        deltas: by measure, the sum of what is true minus what was found; amounts as integers.
    """

    kind: str
    reason: str
    hour: int | None
    zone: int | None
    rows: int
    deltas: Mapping[str, int | float]


def compare(
    table: KeyedTable,
    truth: DataFrame,
    found: DataFrame,
    *,
    late: DataFrame | None,
    generation: int,
    unread: Expression | None = None,
    waiting: DataFrame | None = None,
) -> DataFrame:
    """Each row once: ``kind``, ``reason``, if it differs, and the columns, each also as ``name_found``.

    Args:
        truth: of :mod:`hailstream.reconcile.windows` or ``trips``, of the range.
        found: of :func:`hailstream.reconcile.found.found_rows`.
        late: some columns of ``truth``: rows like these were told without late events.
        generation: of the definition that ``truth`` was computed by.
        unread: holds for rows of ``truth`` that the stream has not come to.
        waiting: keys of rows that are not loaded yet.
    """
    from pyspark.sql import functions as f

    values = [column.name for column in table.values]
    said = found.select(*table.keys, *(f.col(name).alias(f"{name}_found") for name in values), "generation")
    known = truth.withColumn("there", f.lit(True)).withColumn("unread", f.lit(False) if unread is None else unread)
    joined = known.join(said.withColumn("said", f.lit(True)), table.keys, "full_outer")
    joined = _flagged(joined, late, "late")
    joined = _flagged(joined, waiting, "waits")
    same = f.col("said") & f.col("there")
    for name in values:
        same &= f.col(name).eqNullSafe(f.col(f"{name}_found"))
    kind = (
        f.when(f.col("unread") | f.col("waits"), WAITING)
        .when(same, EQUAL)
        .when(f.col("said").isNull(), MISSING)
        .when(f.col("there").isNull(), EXTRA)
        .otherwise(DIFFERENT)
    )
    reason = (
        f.when(f.col("generation") != generation, RULE_VERSION)
        .when(f.col("late"), LATE_ROWS)
        .when(f.col("said").isNull(), NOT_SAID)
        .when(f.expr(table.copied), DUPLICATE)
        .otherwise(UNEXPLAINED)
    )
    kept = [*table.keys, *values, *(f"{name}_found" for name in values)]
    return joined.select(kind.alias("kind"), reason.alias("reason"), *kept)


def differs() -> Expression:
    """Of a row of :func:`compare`: whether it does."""
    from pyspark.sql import functions as f

    return ~f.col("kind").isin(EQUAL, WAITING)


def groups(table: KeyedTable, compared: DataFrame) -> list[Group]:
    """Rows of :func:`compare` that differ, counted by kind and reason, and of these by hour and by zone."""
    from pyspark.sql import functions as f

    def either(name: str) -> Expression:
        return f.col(name) if name in table.keys else f.coalesce(f.col(name), f.col(f"{name}_found"))

    time = either(table.time)
    deltas = {
        measure.name: f.coalesce(f.col(measure.name), f.lit(0)) - f.coalesce(f.col(f"{measure.name}_found"), f.lit(0))
        for measure in table.measures
    }
    rows = compared.select(
        "kind",
        "reason",
        (time - f.pmod(time, f.lit(_HOUR_MS))).alias("hour"),
        either("zone_id").alias("zone"),
        *(delta.alias(name) for name, delta in deltas.items()),
    )
    counted = rows.groupingSets(
        [["kind", "reason"], ["kind", "reason", "hour"], ["kind", "reason", "zone"]], "kind", "reason", "hour", "zone"
    ).agg(f.grouping_id().alias("set"), f.count(f.lit(1)).alias("rows"), *(f.sum(name).alias(name) for name in deltas))
    whole, by_hour, by_zone = 0b11, 0b01, 0b10
    return [
        Group(
            row["kind"],
            row["reason"],
            row["hour"] if row["set"] == by_hour else None,
            row["zone"] if row["set"] == by_zone else None,
            row["rows"],
            {name: row[name] or 0 for name in deltas},
        )
        for row in counted.collect()
        if row["set"] == whole or (row["kind"] != WAITING and row["set"] in (by_hour, by_zone))
    ]


def without(table: KeyedTable, compared: DataFrame, keys: Collection[str]) -> DataFrame:
    """The same, but for keys (of one column) that are on their way after all."""
    from pyspark.sql import functions as f

    [key] = table.keys
    spark = compared.sparkSession
    held = f.broadcast(spark.createDataFrame([(one, True) for one in keys], f"`{key}` string, held boolean"))
    return (
        compared.join(held, key, "left")
        .withColumn("kind", f.when(f.col("held"), WAITING).otherwise(f.col("kind")))
        .drop("held")
    )


def _flagged(rows: DataFrame, like: DataFrame | None, flag: str) -> DataFrame:
    from pyspark.sql import functions as f

    if like is None:
        return rows.withColumn(flag, f.lit(False))
    joined = rows.join(like.withColumn(flag, f.lit(True)), like.columns, "left")
    return joined.withColumn(flag, f.coalesce(f.col(flag), f.lit(False)))
