"""When alerts were published by Redis, as one sees it who has subscribed."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

import polars as pl

from hailstream.errors import HailstreamError
from hailstream.loader.redis_store import connect
from hailstream.settings import Settings

_SLICE_SECONDS: Final = 0.5
_SUBSCRIBE_SECONDS: Final = 30.0
_SCHEMA: Final = {
    "alert_id": pl.String,
    "rule": pl.String,
    "event_time": pl.Int64,
    "trip_id": pl.String,
    "shown": pl.Float64,
}


class PublishedAlerts:
    """Listens to the channel in a thread; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._client: Any = connect(settings)
        self._channel = f"{settings.redis_prefix}alerts.found"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="published alerts", daemon=True)
        self._subscribed = threading.Event()
        self._heard: list[tuple[float, str]] = []

    def __enter__(self) -> PublishedAlerts:
        self._thread.start()
        if not self._subscribed.wait(_SUBSCRIBE_SECONDS):
            raise HailstreamError(f"Redis lets nobody subscribe to {self._channel}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def frame(self) -> pl.DataFrame:
        """alert_id, rule, event_time (ms), trip_id and shown (seconds since 1970) of each alert."""
        rows = [json.loads(text) | {"shown": moment} for moment, text in self._heard]
        return pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in rows], schema=_SCHEMA)

    def _listen(self) -> None:
        with self._client.pubsub() as heard:
            heard.subscribe(self._channel)
            self._subscribed.set()
            while not self._stop.is_set():
                message = heard.get_message(ignore_subscribe_messages=True, timeout=_SLICE_SECONDS)
                if message is not None:
                    self._heard.append((time.time(), message["data"]))
