"""The stateful function that keeps drivers' risks: keyed by driver, told alerts, woken when a level falls."""

from __future__ import annotations

from collections.abc import Iterator

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from hailstream.domain.alerts.risk import DriverRisk, Risk
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import NEVER


class TellRisk(KeyedProcessFunction):  # type: ignore[misc]
    """Scores each driver anew with every alert.

    Alerts come in no order, and some behind the watermark of their stream: the score of a
    moment is a function of the alerts alone, so what is said last is the same.

    Args:
        thresholds: with the half-life.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds

    def open(self, runtime_context: RuntimeContext) -> None:
        self._alerts = runtime_context.get_state(ValueStateDescriptor("alerts", Types.PICKLED_BYTE_ARRAY()))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Take an alert: (time in ms, id, rule, severity)."""
        driver = self._driver(ctx.get_current_key())
        risk = driver.alert(*value)
        if risk is not None:
            yield _row(risk)
            self._keep(driver, ctx)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Say the lower level, if it has not risen again meanwhile."""
        driver = self._driver(ctx.get_current_key())
        if driver.due == timestamp:
            yield _row(driver.at(timestamp))
            self._keep(driver, ctx)

    def _driver(self, driver_id: str) -> DriverRisk:
        return DriverRisk(driver_id, self._thresholds, self._alerts.value())

    def _keep(self, driver: DriverRisk, ctx: KeyedProcessFunction.Context) -> None:
        if driver.state is None:
            self._alerts.clear()
            return
        self._alerts.update(driver.state)
        if driver.due != NEVER:
            ctx.timer_service().register_event_time_timer(driver.due)


def _row(risk: Risk) -> Row:
    """In the order of ``schemas/results/driver_risk.avsc``."""
    return Row(risk.driver_id, risk.time, risk.score, str(risk.level), risk.alerts, risk.last_rule)
