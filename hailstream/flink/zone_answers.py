"""The answers of shards of zones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyflink.common import Row

from hailstream.decode import reasons
from hailstream.domain.forecast.forecast import ZoneForecast
from hailstream.domain.surge.price import Price
from hailstream.flink.answers import AnswerKind
from hailstream.flink.result_rows import row_type
from hailstream.folds.controls import Refused
from hailstream.settings import Settings
from hailstream.topics import EVENTS_REJECTED, ZONE_FORECAST, ZONE_SURGE


def zone_answer_kinds(settings: Settings, purposes: Sequence[str]) -> dict[type, AnswerKind]:
    """The kinds of answers that shards of zones give."""
    generation = settings.generation
    kinds: dict[type, AnswerKind] = {Refused: AnswerKind("refused", row_type(EVENTS_REJECTED), _refused_row)}
    if "surge" in purposes:
        kinds[Price] = AnswerKind("price", row_type(ZONE_SURGE), lambda price, _: (_price_row(price, generation),))
    if "forecast" in purposes:
        forecast_type = row_type(ZONE_FORECAST)
        kinds[ZoneForecast] = AnswerKind("forecast", forecast_type, lambda made, _: (_forecast_row(made, generation),))
    return kinds


def _price_row(price: Price, generation: int) -> Row:
    return Row(
        price.zone_id,
        price.window_end,
        price.demand,
        price.supply,
        price.ratio,
        price.multiplier_tenths,
        price.previous_tenths,
        str(price.reason),
        price.policy,
        generation,
    )


def _forecast_row(made: ZoneForecast, generation: int) -> Row:
    return Row(
        made.zone_id,
        made.window_start,
        made.window_end,
        made.expected,
        made.low,
        made.high,
        made.level,
        made.profile,
        made.wape_24h,
        generation,
    )


def _refused_row(said: Refused, _: int) -> Iterable[Row]:
    yield Row(said.topic, said.partition, said.offset, said.time, reasons.INVALID, said.reason, said.value)
