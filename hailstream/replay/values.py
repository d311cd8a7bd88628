"""Text or typed columns of a file, brought to the types of an event, a block at a time.

Each column is cast as it stands; only values that resist are looked at again
(spaces, words for "missing", zone suffixes, whole numbers written 1.0), so
that clean files are read at full speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from hailstream.domain.clock import NEW_YORK
from hailstream.replay.blocks import REJECT_SCHEMA, ROW, originals
from hailstream.replay.columns import Kind

WALL_CLOCK = pl.Datetime("ms")

#: decimal(10,2): the largest amount an event can carry, in cents.
MAX_CENTS = 9_999_999_999

_MISSING_WORDS = ("", "NULL", "NA", "N/A", "NAN", "NONE", "\\N")
_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M")
_ZONE_SUFFIX = r"(?i)(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(?:Z|UTC|EST|EDT|[+-]\d\d(?::?\d\d)?)$"

# Codes of the TLC data dictionary; words as the files of 2009-2014 have them.
# 0 is how files since 2019 write "not recorded" (later also flex fare): no way of paying.
_PAYMENTS: Mapping[str, int | None] = {
    **dict.fromkeys(("CRD", "CRE", "CREDIT", "CREDIT CARD"), 1),
    **dict.fromkeys(("CSH", "CAS", "CASH"), 2),
    **dict.fromkeys(("NOC", "NO", "NO CHARGE"), 3),
    **dict.fromkeys(("DIS", "DISPUTE"), 4),
    **dict.fromkeys(("UNK", "UNKNOWN", "NA"), 5),
    **dict.fromkeys(("VOI", "VOID", "VOIDED", "VOIDED TRIP"), 6),
}
_VENDORS = {"CMT": "1", "VTS": "2"}

_OUTPUT: Mapping[Kind, pl.DataType] = {
    Kind.TIME: WALL_CLOCK,
    Kind.TEXT: pl.String(),
    Kind.VENDOR: pl.String(),
    Kind.PAYMENT: pl.Int32(),
    Kind.INTEGER: pl.Int32(),
    Kind.NUMBER: pl.Float64(),
    Kind.CENTS: pl.Int64(),
}
_REASON = {
    Kind.TIME: "bad_time",
    Kind.CENTS: "bad_amount",
    Kind.INTEGER: "bad_number",
    Kind.NUMBER: "bad_number",
}


@dataclass(frozen=True)
class Parsed:
    """A block whose values are read.

    Attributes:
        rows: the rows all of whose values could be read: ``row`` and typed columns.
        rejects: the others, one entry each, as ``REJECT_SCHEMA``.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def parse(rows: pl.DataFrame, kinds: Mapping[str, Kind]) -> Parsed:
    """Read the columns of a block. Null and blank are null; what is neither a value nor blank is rejected."""
    present = {name: kind for name, kind in kinds.items() if name in rows.columns}
    typed = rows.select(ROW, *[_cast(name, kind, rows.schema[name]).alias(name) for name, kind in present.items()])
    suspects = _suspects(rows, typed, present)
    bad: dict[str, pl.Series] = {}
    for name, positions in suspects.items():
        kind = present[name]
        again, unreadable = _second_look(rows[name].gather(positions), kind)
        typed = typed.with_columns(typed[name].scatter(positions, again.cast(_OUTPUT[kind])))
        if unreadable.any():
            bad[name] = positions.filter(unreadable)
    if not bad:
        return Parsed(typed, pl.DataFrame(schema=REJECT_SCHEMA))
    return _split(rows, typed, present, bad)


def to_utc(column: str) -> pl.Expr:
    """New York wall clock to UTC, by the rule of :mod:`hailstream.domain.clock`."""
    moment = pl.col(column)

    def localised(expression: pl.Expr) -> pl.Expr:
        return expression.dt.replace_time_zone(NEW_YORK, ambiguous="earliest", non_existent="null")

    # In the gap the hour later names the same moment that the skipped time would have been.
    return pl.coalesce(localised(moment), localised(moment.dt.offset_by("1h"))).dt.convert_time_zone("UTC")


def _cast(name: str, kind: Kind, held: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if kind is Kind.TIME:
        if held == pl.String:
            return value.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="ms")
        # A zone in a typed column is as little meant as one in text.
        return value.dt.replace_time_zone(None).dt.cast_time_unit("ms") if held != pl.Null else value.cast(WALL_CLOCK)
    if kind is Kind.TEXT:
        return _missing_to_null(_text(value, held))
    if kind is Kind.VENDOR:
        return _missing_to_null(_code(value, held).str.to_uppercase().replace(_VENDORS))
    if kind is Kind.PAYMENT:
        return _payment(value, held)
    if kind is Kind.CENTS:
        cents = value.cast(pl.Float64, strict=False) * 100
        whole = cents.round(mode="half_away_from_zero")
        return pl.when(whole.abs() <= MAX_CENTS).then(whole).cast(pl.Int64)
    if kind is Kind.INTEGER:
        if not held.is_float():
            return value.cast(pl.Int32, strict=False)
        return pl.when(value == value.floor()).then(value).cast(pl.Int32, strict=False)
    number = value.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number + 0.0)  # + 0.0: no negative zero


def _text(value: pl.Expr, held: pl.DataType) -> pl.Expr:
    """Text without spaces around it; a whole number that went through a float column is 1, not 1.0."""
    if held.is_float():
        return pl.when(value == value.floor()).then(value.cast(pl.Int64, strict=False)).cast(pl.String)
    return value.cast(pl.String).str.strip_chars()


def _code(value: pl.Expr, held: pl.DataType) -> pl.Expr:
    return _text(value, held).str.strip_suffix(".0")


def _payment(value: pl.Expr, held: pl.DataType) -> pl.Expr:
    text = _code(value, held).str.to_uppercase()
    word = text.replace_strict(_PAYMENTS, default=None, return_dtype=pl.Int32)
    code = text.cast(pl.Int32, strict=False)
    return pl.coalesce(word, pl.when(code != 0).then(code))


def _missing_to_null(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.str.to_uppercase().is_in(_MISSING_WORDS)).then(text)


def _suspects(rows: pl.DataFrame, typed: pl.DataFrame, present: Mapping[str, Kind]) -> dict[str, pl.Series]:
    """Positions of values that the cast made null although the file has something there."""
    both = rows.select(pl.col(name).alias(f"raw {name}") for name in present).hstack(typed)
    checks = []
    for name, kind in present.items():
        if kind not in _REASON:
            continue
        raw, held = pl.col(f"raw {name}"), rows.schema[name]
        something = raw != "" if held == pl.String else raw.is_not_nan() if held.is_float() else pl.lit(True)
        checks.append((pl.col(name).is_null() & raw.is_not_null() & something).alias(name))
    flags = both.select(checks)
    marked = flags.select(pl.all().any()).row(0, named=True) if flags.height else {}
    return {name: flags[name].arg_true() for name, any_ in marked.items() if any_}


def _second_look(raw: pl.Series, kind: Kind) -> tuple[pl.Series, pl.Series]:
    """Values of what resisted the cast, and which of them cannot be read at all."""
    if raw.dtype != pl.String:
        return pl.Series([None] * len(raw), dtype=_OUTPUT[kind]), pl.Series([True] * len(raw))
    frame = pl.DataFrame({"raw": raw.str.strip_chars()})
    if kind is Kind.TIME:
        text = pl.col("raw").str.replace(_ZONE_SUFFIX, "$1").str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "$1 ")
        value = pl.coalesce(text.str.to_datetime(form, strict=False, time_unit="ms") for form in _TIME_FORMATS)
    elif kind is Kind.INTEGER:
        value = _cast("number", kind, pl.Float64())
        frame = frame.with_columns(number=pl.col("raw").cast(pl.Float64, strict=False))
    else:
        value = _cast("raw", kind, pl.String())
    looked = frame.select(value.alias("value"), missing=pl.col("raw").str.to_uppercase().is_in(_MISSING_WORDS))
    return looked["value"], looked.select(pl.col("value").is_null() & ~pl.col("missing")).to_series()


def _split(rows: pl.DataFrame, typed: pl.DataFrame, present: Mapping[str, Kind], bad: dict[str, pl.Series]) -> Parsed:
    """Good rows, and rejects with the first reason in order of column."""
    found = [
        pl.DataFrame({"at": positions, "reason": _REASON[present[name]], "column": name})
        for name, positions in bad.items()
    ]
    first = pl.concat(found).unique("at", keep="first", maintain_order=True).sort("at")
    texts = originals(rows[first["at"]])
    rejects = texts.with_columns(first["reason"], first["column"]).select(list(REJECT_SCHEMA))
    keep = pl.Series([True]).new_from_index(0, typed.height).scatter(first["at"], False)
    return Parsed(typed.filter(keep), rejects.cast(REJECT_SCHEMA))  # type: ignore[arg-type]
