"""What to simulate, as the text after ``sim:`` says it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from hailstream.domain.clock import parse_time
from hailstream.errors import HailstreamError

#: Kinds of faults with their shares when none are given (or ``faults=all``).
DEFAULT_FAULTS: Mapping[str, float] = MappingProxyType(
    {"late": 0.01, "duplicate": 0.01, "corrupt": 0.005, "bounds": 0.01, "speed": 0.005, "fraud": 0.005, "rides": 0.005}
)
DEFAULT_RATE = 100.0
MAX_DISORDER = 4.0  # seconds; below the disorder that the jobs allow

_FORM = "sim:?seed=7&rate=200&minutes=120&start=2024-03-01T18:00&faults=late:0.01,fraud:0.005"


@dataclass(frozen=True)
class SimulationSpec:
    """What to simulate. Equal specs give equal events.

    Attributes:
        seed: any integer from 0.
        start: of the log, UTC.
        minutes: length of the log in event time.
        rate: mean events per second of event time; None: as many as ``drivers`` make.
        drivers: size of the fleet; enlarged where ``rate`` needs more; None: as many as ``rate`` needs.
        disorder: seconds by which events overtake each other, no fault.
        coordinates: share of trips told by coordinates instead of zone ids.
        faults: shares by kind: of all events (late, duplicate, corrupt, bounds) or of trips (speed, fraud, rides).
        ledger: CSV file that gets a row for each injected fault; None: see ``open_simulation``.
    """

    seed: int = 1
    start: datetime = datetime(2024, 3, 1, 23, tzinfo=UTC)  # Friday evening, 18:00 in New York
    minutes: float = 120.0
    rate: float | None = None
    drivers: int | None = None
    disorder: float = 2.0
    coordinates: float = 0.1
    faults: Mapping[str, float] = field(default_factory=lambda: DEFAULT_FAULTS)
    ledger: Path | None = None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)

    def world_key(self) -> int:
        """A number of all that shapes the trips, but not of the faults: so both runs have the same trip ids."""
        world = replace(self, faults={}, ledger=None, disorder=0.0)
        digest = hashlib.blake2b(repr(world).encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")


def parse_spec(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SimulationSpec:
    """Read ``sim:``, ``sim:seed=7,minutes=30`` or ``sim:?seed=7&minutes=30``.

    ``start=now`` is the current minute.

    Raises:
        HailstreamError: no such key, or a value it cannot have; names both.
    """
    if not text.startswith("sim:"):
        raise _wrong(f"{text!r} does not begin with sim:")
    values: dict[str, Any] = {}
    for key, value in _pairs(text.removeprefix("sim:").removeprefix("?")):
        if key not in _KEYS:
            raise _wrong(f"sim: has no key {key!r}; keys: {', '.join(_KEYS)}")
        if key in values:
            raise _wrong(f"sim: {key} is given twice")
        what, read = _KEYS[key]
        try:
            values[key] = now().replace(second=0, microsecond=0) if (key, value) == ("start", "now") else read(value)
        except (ValueError, OverflowError, HailstreamError):
            raise _wrong(f"sim: {key}={value} is not {what}") from None
    if values.get("rate") is None and values.get("drivers") is None:
        values["rate"] = DEFAULT_RATE
    spec = SimulationSpec(**values)
    try:
        in_range = spec.start.year >= 1970 and spec.end.year <= 2100
    except OverflowError:
        in_range = False
    if not in_range:
        raise _wrong(f"sim: start={spec.start:%Y-%m-%d} with minutes={spec.minutes:g} leaves the years 1970 to 2100")
    return spec


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for item in re.split(r"[&,]", text):
        key, sign, value = item.partition("=")
        if sign:
            pairs.append((key.strip(), unquote(value.strip())))
        elif item.strip():
            # A comma inside a value: faults=late:0.01,fraud:0.005
            if not pairs or pairs[-1][0] != "faults":
                raise _wrong(f"sim: {item!r} is no key=value")
            pairs[-1] = ("faults", f"{pairs[-1][1]},{unquote(item.strip())}")
    return pairs


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def _faults(text: str) -> Mapping[str, float]:
    if text in ("all", "none"):
        return DEFAULT_FAULTS if text == "all" else MappingProxyType({})
    shares: dict[str, float] = {}
    for item in text.split(","):
        kind, _, share = item.partition(":")
        if kind.strip() not in DEFAULT_FAULTS or kind.strip() in shares:
            raise ValueError(item)
        shares[kind.strip()] = _number(0, 1)(share)
    # An event has one fault at most, and so has a trip.
    if sum(shares.get(kind, 0) for kind in EVENT_FAULTS) > 1 or sum(shares.get(kind, 0) for kind in TRIP_FAULTS) > 1:
        raise ValueError(text)
    return MappingProxyType(shares)


def _time(text: str) -> datetime:
    moment = parse_time(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _ledger(text: str) -> Path:
    if not text:
        raise ValueError(text)
    return Path(text).expanduser()


EVENT_FAULTS = ("late", "duplicate", "corrupt", "bounds")
TRIP_FAULTS = ("speed", "fraud", "rides")

_KEYS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "seed": ("a whole number from 0", _integer(0, 2**63 - 1)),
    "drivers": ("a whole number from 1 to 20000000", _integer(1, 20_000_000)),
    "minutes": ("a number above 0, to 5256000 (ten years)", _number(0.001, 5_256_000)),
    "rate": ("events per second, 0.01 to 100000", _number(0.01, 100_000)),
    "start": ("an ISO 8601 time (New York unless it names a zone) or now", _time),
    "disorder": (f"seconds from 0 to {MAX_DISORDER:g}", _number(0, MAX_DISORDER)),
    "coordinates": ("a share from 0 to 1", _number(0, 1)),
    "faults": (
        f"all, none, or kind:share,... with kinds {', '.join(DEFAULT_FAULTS)} and shares from 0 to 1, "
        "together 1 at most for events and for trips",
        _faults,
    ),
    "ledger": ("a file", _ledger),
}


def _wrong(message: str) -> HailstreamError:
    return HailstreamError(message, hint=f"for example {_FORM}", exit_code=2)
