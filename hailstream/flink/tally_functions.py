"""The Python functions behind a window: packed minutes to tallies, tallies to distinct values."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from hailstream.flink.window_sql import distinct_function, tally_function
from hailstream.windows import Measure, WindowedMetric


class TallyMinutes(ScalarFunction):  # type: ignore[misc]
    """The packed events of a minute, ARRAY<BYTES>, to a tally per zone."""

    def __init__(self, metric: WindowedMetric) -> None:
        self._metric = metric

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        from hailstream.rollup.tally import MinuteTally

        self._tally = MinuteTally(self._metric)

    def eval(self, minutes: pd.Series[Any]) -> pd.Series[Any]:
        return pd.Series(self._tally(minutes.to_list()), dtype=object)


class CountDistinct(ScalarFunction):  # type: ignore[misc]
    """The tallies of a zone and window, ARRAY<ARRAY<BIGINT>>, to the number of a measure's distinct values."""

    def __init__(self, metric: WindowedMetric, measure: Measure) -> None:
        self._metric = metric
        self._measure = measure

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        from hailstream.rollup.tally import DistinctCount

        self._count = DistinctCount(self._metric, self._measure)

    def eval(self, tallies: pd.Series[Any]) -> pd.Series[Any]:
        return pd.Series([self._count(each) for each in tallies], dtype="int64")


def tally_functions(metric: WindowedMetric) -> dict[str, UserDefinedScalarFunctionWrapper]:
    """The pandas functions that the SQL of ``metric`` calls, by name."""
    functions = {
        tally_function(metric): udf(TallyMinutes(metric), result_type="ARRAY<ARRAY<BIGINT>>", func_type="pandas")
    }
    for measure in metric.measures:
        if measure.aggregate == "count_distinct":
            counted = udf(CountDistinct(metric, measure), result_type="BIGINT", func_type="pandas")
            functions[distinct_function(metric, measure)] = counted
    return functions
