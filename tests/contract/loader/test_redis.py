"""What the Redis sinks promise beyond every sink's contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis

from hailstream.loader.contract import Sink, SinkAway, TopicState
from hailstream.loader.redis_alerts import RedisAlertsSink
from hailstream.loader.redis_now import RedisNowSink
from hailstream.loader.redis_risk import RedisRiskSink
from hailstream.loader.redis_series import RedisSeriesSink
from hailstream.loader.redis_surge import RedisSurgeSink
from hailstream.settings import Settings
from hailstream.topics import ALERTS, DRIVER_RISK, ZONE_COUNTS, ZONE_REVENUE, ZONE_SURGE
from tests.contract.loader.results import DAY, counts, revenue, rows_of
from tests.contract.loader.servers import RunningServer

DAY_MINUTES = 24 * 60


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.redis_address, decode_responses=True) as made:
        yield made


def opened(sink: Sink, settings: Settings) -> TopicState:
    names = [topic.name(settings.namespace) for topic in sink.topics]
    return TopicState("first", sink.open(dict.fromkeys(names, "first")).epochs[names[0]])


def test_a_value_lives_for_the_configured_seconds_and_then_is_gone(settings: Settings, client: redis.Redis) -> None:
    sink = RedisNowSink(settings.model_copy(update={"redis_ttl": 77}))
    sink.write(rows_of(settings, [counts(trips=4, drivers=3)], state=opened(sink, settings)))
    prefix = f"{settings.namespace}:realtime:1:"
    assert client.mget(f"{prefix}trip_count", f"{prefix}active_drivers") == ["4", "3"]
    assert 70 <= client.ttl(f"{prefix}trip_count") <= 77
    assert 70 <= client.ttl(f"{prefix}active_drivers") <= 77


def test_an_expired_value_does_not_give_way_to_an_older_one(settings: Settings, client: redis.Redis) -> None:
    sink = RedisNowSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(minute=5)], state=state))
    client.delete(f"{settings.namespace}:realtime:1:trip_count")
    sink.write(rows_of(settings, [counts(minute=4)], first_offset=1, state=state))
    assert client.exists(f"{settings.namespace}:realtime:1:trip_count") == 0


@pytest.mark.parametrize(
    ("fares", "shown"),
    [(["10.00", "12.55"], "11.28"), (["10.00", "12.50"], "11.25"), (["0.01"], "0.01"), (["-3.00"], "-3.00")],
)
def test_the_average_fare_has_two_decimals(
    settings: Settings, client: redis.Redis, fares: list[str], shown: str
) -> None:
    sink = RedisNowSink(settings)
    sink.write(rows_of(settings, [revenue(fares=fares)], topic=ZONE_REVENUE, state=opened(sink, settings)))
    assert client.get(f"{settings.namespace}:realtime:1:avg_fare") == shown


def test_a_window_without_trips_leaves_no_average_fare(settings: Settings, client: redis.Redis) -> None:
    sink = RedisNowSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [revenue()], topic=ZONE_REVENUE, state=state))
    empty = revenue(minute=2, fares=[], rows=1, excluded=1, total_sum=Decimal("-5.00"))
    sink.write(rows_of(settings, [empty], first_offset=1, topic=ZONE_REVENUE, state=state))
    assert client.exists(f"{settings.namespace}:realtime:1:avg_fare") == 0


def test_counts_and_fares_of_a_zone_do_not_outrank_each_other(settings: Settings, client: redis.Redis) -> None:
    sink = RedisNowSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(minute=100, trips=8)], state=state))
    sink.write(rows_of(settings, [revenue(fares=["4.00"])], topic=ZONE_REVENUE, state=state))
    prefix = f"{settings.namespace}:realtime:1:"
    assert client.mget(f"{prefix}trip_count", f"{prefix}avg_fare") == ["8", "4.00"]


def test_the_series_holds_24_hours_before_the_newest_event_of_any_zone(settings: Settings, client: redis.Redis) -> None:
    sink = RedisSeriesSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(zone=1), counts(zone=2)], state=state))
    rows = [counts(zone=1, minute=m) for m in range(1, DAY_MINUTES)]
    sink.write(rows_of(settings, rows, first_offset=2, state=state))
    key = f"{settings.namespace}:trip_series:"
    assert (client.zcard(f"{key}1"), client.zcard(f"{key}2")) == (DAY_MINUTES, 1)
    sink.write(rows_of(settings, [counts(zone=1, minute=DAY_MINUTES)], first_offset=5000, state=state))
    # The silent zone loses its point too: it is now more than a day old.
    assert (client.zcard(f"{key}1"), client.zcard(f"{key}2")) == (DAY_MINUTES, 0)
    [(_, score)] = client.zrange(f"{key}1", 0, 0, withscores=True)
    assert score == (DAY.timestamp() + 6 * 60) * 1000


def test_an_older_event_does_not_move_the_series_back(settings: Settings, client: redis.Redis) -> None:
    sink = RedisSeriesSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(zone=1, minute=3 * DAY_MINUTES)], state=state))
    sink.write(rows_of(settings, [counts(zone=2)], first_offset=1, state=state))
    assert client.zcard(f"{settings.namespace}:trip_series:2") == 0
    assert client.zcard(f"{settings.namespace}:trip_series:1") == 1


@pytest.mark.parametrize("kind", [RedisNowSink, RedisSeriesSink])
def test_values_that_redis_lost_are_noticed_and_read_again(
    kind: type[RedisNowSink] | type[RedisSeriesSink], settings: Settings, client: redis.Redis
) -> None:
    sink = kind(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(minute=1)], state=state))
    for key in client.scan_iter(f"{settings.namespace}:*"):
        client.delete(key)
    with pytest.raises(SinkAway, match="lost"):
        sink.write(rows_of(settings, [counts(minute=2)], first_offset=1, state=state))
    names = [topic.name(settings.namespace) for topic in sink.topics]
    assert sink.open(dict.fromkeys(names, "first")).positions == {}
    sink.write(rows_of(settings, [counts(minute=1), counts(minute=2)], state=state))
    assert sink.open(dict.fromkeys(names, "first")).positions == {(ZONE_COUNTS.name(settings.namespace), 0): 2}


def test_what_was_acknowledged_survives_a_kill_of_redis(
    own_redis: tuple[Settings, RunningServer],
) -> None:
    settings, server = own_redis
    sink = RedisSeriesSink(settings)
    state = opened(sink, settings)
    sink.write(rows_of(settings, [counts(minute=m) for m in range(100)], state=state))
    server.kill()
    with pytest.raises(SinkAway):
        sink.write(rows_of(settings, [counts(minute=100)], first_offset=100, state=state))
    server.start()
    positions = sink.open({ZONE_COUNTS.name(settings.namespace): "first"}).positions
    # Points and position went together or stayed together.
    with redis.Redis.from_url(settings.redis_address) as client:
        points = client.zcard(f"{settings.namespace}:trip_series:1")
    assert positions == {(ZONE_COUNTS.name(settings.namespace), 0): points}


def test_positions_of_a_topic_that_was_made_anew_are_forgotten(settings: Settings) -> None:
    sink = RedisSeriesSink(settings)
    sink.write(rows_of(settings, [counts()], first_offset=99, state=opened(sink, settings)))
    again = RedisSeriesSink(settings).open({ZONE_COUNTS.name(settings.namespace): "second"})
    assert again.positions == {}
    assert list(again.epochs.values()) == [1]


def price(zone: int = 1, minute: int = 0, multiplier: str = "1.0", **fields: Any) -> dict[str, Any]:
    return {
        "zone_id": zone,
        "window_end": DAY + timedelta(minutes=minute),
        **{"demand": 9, "supply": 3, "ratio": 2.5},
        **{"multiplier": Decimal(multiplier), "previous": Decimal("1.0")},
        **{"reason": "demand", "policy": "default", "generation": 1},
    } | fields


def test_a_price_is_shown_and_published_when_it_changes(settings: Settings, client: redis.Redis) -> None:
    sink = RedisSurgeSink(settings.model_copy(update={"redis_ttl": 77}))
    state = opened(sink, settings)
    channel = f"{settings.namespace}:surge.changes"
    with client.pubsub() as heard:
        heard.subscribe(channel)
        for offset, (minute, multiplier) in enumerate([(1, "1.0"), (2, "1.2"), (3, "1.2"), (1, "3.0"), (4, "1.0")]):
            row = price(minute=minute, multiplier=multiplier)
            sink.write(rows_of(settings, [row], first_offset=offset, topic=ZONE_SURGE, state=state))
        client.publish(channel, "end")
        said = [json.loads(each["data"]) for each in iter(lambda: next_message(heard), None)]
    assert [(each["zone_id"], each["multiplier"]) for each in said] == [(1, "1.2"), (1, "1.0")]
    shown = client.hgetall(f"{settings.namespace}:surge:1")
    end = DAY + timedelta(minutes=4)
    assert shown == {
        **{"multiplier": "1.0", "previous": "1.0", "demand": "9", "supply": "3", "ratio": "2.5"},
        **{"reason": "demand", "policy": "default", "window_end": str(int(end.timestamp() * 1000))},
    }
    assert 70 <= client.ttl(f"{settings.namespace}:surge:1") <= 77


def next_message(heard: Any) -> dict[str, Any] | None:
    """The next message of a channel; None at the one that says it ends."""
    while True:
        message = heard.get_message(ignore_subscribe_messages=True, timeout=10)
        if message is not None:
            return None if message["data"] == "end" else dict(message)


def alert(trip: str = "t", **fields: Any) -> dict[str, Any]:
    return {
        **{"alert_id": f"two_vehicles:{trip}", "rule": "two_vehicles", "severity": "critical", "event_time": DAY},
        **{"trip_id": trip, "other_trip_id": None, "driver_id": "d", "zone_id": 1, "samples": None},
        **{"observed": 61.5, "expected": 300.0, "unit": "s", "evidence": '{"vehicle": "v"}'},
    } | fields


def test_an_alert_is_published_once_and_shown_for_so_long_after_it_was_found(
    settings: Settings, client: redis.Redis
) -> None:
    sink = RedisAlertsSink(settings.model_copy(update={"redis_ttl": 77}))
    state = opened(sink, settings)
    channel, found = f"{settings.namespace}:alerts.found", int(client.time()[0]) - 10

    def write(offset: int, *alerts: dict[str, Any], at: int = found) -> None:
        rows = rows_of(settings, alerts, first_offset=offset, topic=ALERTS, state=state, appended=at * 1000)
        sink.write(rows)

    with client.pubsub() as heard:
        heard.subscribe(channel)
        write(0, alert("a"), alert("b"))
        write(2, alert("b"), alert("c", driver_id=None))
        write(4, alert("d"), at=found - 77)
        client.publish(channel, "end")
        said = [json.loads(each["data"]) for each in iter(lambda: next_message(heard), None)]
    assert [each["trip_id"] for each in said] == ["a", "b", "c"], "the last one was found too long ago"
    shown = {
        each["alert_id"]: json.loads(client.get(f"{settings.namespace}:alert:{each['alert_id']}")) for each in said
    }
    assert list(shown.values()) == said
    expected = alert("c", driver_id=None, event_time=int(DAY.timestamp() * 1000), evidence={"vehicle": "v"})
    assert shown["two_vehicles:c"] == expected
    assert 60 <= client.ttl(f"{settings.namespace}:alert:two_vehicles:a") <= 67
    assert not client.exists(f"{settings.namespace}:alert:two_vehicles:d")


def risk(driver: str = "d", score: float = 13.0, level: str = "HIGH") -> dict[str, Any]:
    return {"driver_id": driver, "event_time": DAY, "score": score, "level": level, "alerts": 2, "last_rule": "a_rule"}


def test_a_driver_has_his_newest_risk_until_he_is_forgotten(settings: Settings, client: redis.Redis) -> None:
    sink = RedisRiskSink(settings)
    state = opened(sink, settings)
    rows = [risk("d"), risk("e"), risk("d", 2.5, "LOW")]
    sink.write(rows_of(settings, rows, topic=DRIVER_RISK, state=state))
    shown = client.hgetall(f"{settings.namespace}:risk:d")
    assert (shown["score"], shown["level"], shown["alerts"], shown["last_rule"]) == ("2.5", "LOW", "2", "a_rule")
    assert shown["event_time"] == str(int(DAY.timestamp() * 1000))
    assert client.ttl(f"{settings.namespace}:risk:d") == -1, "a risk has no time to live"
    sink.write(rows_of(settings, [risk("d", 0.0, "LOW")], first_offset=3, topic=DRIVER_RISK, state=state))
    assert not client.exists(f"{settings.namespace}:risk:d")
    assert client.hget(f"{settings.namespace}:risk:e", "level") == "HIGH"
