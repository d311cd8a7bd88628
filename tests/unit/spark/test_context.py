"""What a failed task said reaches whoever started the job."""

from __future__ import annotations

import traceback

from hailstream.errors import HailstreamError
from hailstream.spark.context import failed

TRACE = """An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "clickhouse.py", line 127, in reachable
hailstream.errors.HailstreamError: ClickHouse at http://127.0.0.1:1 cannot be reached: [Errno 111] Connection refused
org.apache.spark.SparkException: Job aborted due to stage failure
"""


def test_an_error_of_ours_is_told_before_those_of_the_engine() -> None:
    assert failed(TRACE).message.startswith("a task of Spark failed: ClickHouse at http://127.0.0.1:1 cannot be")


def test_any_other_is_told_by_its_last_sentence() -> None:
    assert failed("Traceback\nValueError: a\norg.x.SparkException: b").message == "a task of Spark failed: b"
    assert failed("no trace").message == "a task of Spark failed: no trace"


def test_its_advice_comes_along() -> None:
    try:
        raise HailstreamError("a table cannot be computed:\n\nLINE 1: sum", hint="ask for a shorter range")
    except HailstreamError:
        trace = traceback.format_exc()
    told = failed(f"{trace}org.apache.spark.SparkException: Job aborted\nhint: of somebody else")
    assert (told.message, told.hint) == (
        "a task of Spark failed: a table cannot be computed:",
        "ask for a shorter range",
    )
    assert failed(TRACE).hint == ""
