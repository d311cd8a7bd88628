"""The rules of alerts put to the test: on simulated faults, on the alerts of a job, and on real files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate.detect import Detector
from hailstream.evaluate.labels import Labels, label, read_ledger
from hailstream.evaluate.score import RuleScore, score
from hailstream.proof.alerts import loaded_alerts
from hailstream.replay.simulator import open_simulation
from hailstream.settings import Settings

#: Late, doubled and unreadable events are left out: the rules that wait for order by
#: design do not see the late ones. The fleet is large, so that drivers have time for frauds.
FAULTS: Final = "speed:0.02,fraud:0.07,rides:0.04,bounds:0.02"
DRIVERS_PER_RATE: Final = 1000
_ROWS = 50_000


@dataclass(frozen=True)
class Run:
    """One simulated city and how the rules did on it.

    Attributes:
        seed: of the city.
        events: that were told.
        labels: of its faults.
        scores: by rule.
    """

    seed: int
    events: int
    labels: Labels
    scores: list[RuleScore]


def specification(seed: int, minutes: float, rate: float) -> str:
    """The simulator's text for an evaluation."""
    drivers = max(round(rate * DRIVERS_PER_RATE), 1)
    return f"sim:?seed={seed}&minutes={minutes:g}&rate={rate:g}&drivers={drivers}&faults={FAULTS}"


def evaluate_seed(
    seed: int, minutes: float, rate: float, thresholds: Thresholds, progress: Callable[[int], None] = lambda _: None
) -> Run:
    """Tell the rules the events of a city and compare what they find with its ledger.

    Args:
        minutes: length of the log in event time.
        rate: events per second of event time.
        progress: told how many events the rules were told.

    Raises:
        HailstreamError: a value that the simulator cannot have.
    """
    with tempfile.TemporaryDirectory(prefix="hailstream-evaluate-") as folder:
        simulation = open_simulation(specification(seed, minutes, rate), work_dir=Path(folder))
        # Events overtake each other by seconds; the rules are told them in order, as behind a watermark.
        events = pl.concat(simulation.batches()).sort("event_time", "is_end", "trip_id")
        ledger = read_ledger(Path(folder) / "ledger.csv")
    detector = Detector(thresholds)
    told = 0
    for part in events.iter_slices(_ROWS):
        detector.tell(part)
        told += part.height
        progress(told)
    labels = label(ledger, thresholds)
    found = detector.close(round(simulation.spec.end.timestamp() * 1000))
    return Run(seed, events.height, labels, score(found, labels))


def evaluate_table(settings: Settings, ledger: Path) -> tuple[Labels, list[RuleScore]]:
    """Compare the alerts in ClickHouse with the ledger of the replay that the job read.

    Raises:
        HailstreamError: no such ledger, or the table cannot be read.
    """
    labels = label(read_ledger(ledger), settings.thresholds())
    found = loaded_alerts(settings)
    if not found:
        raise HailstreamError(
            f"{settings.database}.alerts is empty",
            hint="run job anomalies and load clickhouse in this namespace, and replay the simulator into it",
        )
    return labels, score(found, labels)


def parse_seeds(text: str) -> Sequence[int]:
    """Seeds as ``11,12,13``.

    Raises:
        HailstreamError: not whole numbers from 0, each once.
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise HailstreamError(
            f"--seeds {text} is not a list of whole numbers from 0, each once", hint="--seeds 11,12,13", exit_code=2
        )
    return seeds
