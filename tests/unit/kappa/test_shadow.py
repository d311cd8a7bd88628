"""The namespace beside the live one, and which jobs can be rebuilt."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from typer import Typer
from typer.testing import CliRunner

from hailstream.errors import HailstreamError
from hailstream.flink.tables import source_ddl
from hailstream.kappa.commands import register
from hailstream.kappa.rebuild import metric_of
from hailstream.kappa.shadow import shadow_of
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED
from hailstream.windows import METRICS


def test_a_shadow_reads_the_events_of_its_namespace_and_writes_beside_it() -> None:
    shadow = shadow_of(Settings(namespace="city", kafka_password=SecretStr("secret"), generation=3))
    assert (shadow.namespace, shadow.database, shadow.generation) == ("city_shadow", "hailstream_city_shadow", 3)
    assert shadow.kafka_password == SecretStr("secret")
    ddl = source_ddl(TRIPS_STARTED, shadow, "zone_counts")
    assert "'topic' = 'city.trips.started.v1'" in ddl
    assert "'properties.group.id' = 'hailstream.city_shadow.zone_counts'" in ddl
    assert "'scan.startup.mode' = 'earliest-offset'" in ddl


def test_a_begin_is_the_time_of_the_first_record() -> None:
    shadow = shadow_of(Settings()).model_copy(update={"source_begin": "2024-01-01T00:00:00+00:00"})
    ddl = source_ddl(TRIPS_STARTED, shadow, "zone_counts")
    assert "'topic' = 'trips.started.v1'" in ddl
    assert "'scan.startup.timestamp-millis' = '1704067200000'" in ddl


def test_a_namespace_whose_shadow_has_no_name_is_refused() -> None:
    with pytest.raises(HailstreamError, match="too long"):
        shadow_of(Settings(namespace="a" * 30))


def test_jobs_of_windows_can_be_rebuilt_and_no_others() -> None:
    assert [metric_of(job) for job in ("zone_counts", "revenue")] == list(METRICS.values())
    with pytest.raises(HailstreamError, match="'surge' makes no windows") as refused:
        metric_of("surge")
    assert "zone_counts, revenue" in refused.value.hint


def test_a_time_that_is_none_is_named() -> None:
    app = Typer()
    register(app)
    done = CliRunner().invoke(app, ["kappa", "rebuild", "--job", "zone_counts", "--from", "noon"])
    assert isinstance(done.exception, HailstreamError)
    assert "--from: 'noon' is no time" in done.exception.message
