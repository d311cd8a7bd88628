"""The demo: a real stack, real events, and a proof that what came out is right."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.live import Live

from hailstream.clickhouse import reachable
from hailstream.demo.history import Archiving, History, prove_history
from hailstream.demo.observe import Observer
from hailstream.demo.pipeline import Pipeline
from hailstream.demo.screen import draw
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import city_parts
from hailstream.loader.migrations import migrate
from hailstream.local.topics_admin import create_topics
from hailstream.namespace import empty_namespace
from hailstream.proof.answers import AnswersProver
from hailstream.proof.compare import Proof, Prover
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof
from hailstream.replay.accounting import ReplayReport
from hailstream.replay.events import EventSource, open_source
from hailstream.replay.run import TAIL_SECONDS, ReplayOptions, ReplayProgress, run_replay
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from hailstream.spark.java import find_spark_java, install_command

_LOOK_SECONDS = 0.5
#: Files of the archive as often as this: nobody waits a minute for the last of them.
_ARCHIVE_SECONDS = 5.0
#: Two hundred times as fast as life, nobody sees a tenth of a second, and rows that wait cost less.
_BUFFER_SECONDS = 0.1
#: Jobs whose rows the log and batch are held against.
_PROVEN = ("zone_counts", "revenue", "trips")


@dataclass(frozen=True)
class DemoResult:
    """What the demo did and whether it was right.

    Attributes:
        history: what batch made of it; None where there is no JDK for Spark.
    """

    replay: ReplayReport
    proof: Proof
    answers: list[RowsProof]
    history: History | None
    restarts: int
    seconds: float

    @property
    def differing(self) -> int:
        """Rows of all tables that are not as the log says."""
        return self.proof.differing + sum(proof.differing for proof in self.answers)

    @property
    def ok(self) -> bool:
        return (
            self.differing == 0
            and (self.history is None or self.history.ok)
            and self.replay.balanced
            and self.proof.records == sum(self.replay.sent.values()) + self.replay.heartbeats + self.replay.repeated
        )


def open_demo(settings: Settings, data: list[str]) -> EventSource:
    """The source of a demo that can be run and proved; needs no server.

    Raises HailstreamError: no such data, or settings that leave out what is proved.
    """
    _require_proven([part.name for part in city_parts(settings)])
    return open_source(data, work_dir=settings.home_dir / "demo")


def run_demo(
    settings: Settings, source: EventSource, speed: float | None, console: Console, *, keep: bool
) -> DemoResult:
    """Run the main job over ``source`` in the settings' namespace, which is emptied first.

    The stack runs already. Raises HailstreamError when a part of it fails.
    """
    began = time.monotonic()
    step = _Steps(console)
    with step("reading the source"):
        bounds = source.bounds()
    if bounds is None:
        raise HailstreamError(f"{source.name} holds no events", hint="give another file by DATA=…")
    # A second more than the last heartbeats, which close the last windows.
    horizon = bounds[1] + timedelta(seconds=TAIL_SECONDS + 1)
    pace = {"archive_interval": _ARCHIVE_SECONDS, "buffer_timeout": _BUFFER_SECONDS}
    # What is set by hand stays.
    pace = {name: seconds for name, seconds in pace.items() if name not in settings.model_fields_set}
    settings = settings.model_copy(update={"horizon": horizon.isoformat(), **pace})
    with step(f"emptying namespace {settings.namespace}"):
        empty_namespace(settings)
        create_topics(settings)
        register_schemas(settings)
        with reachable(settings, database="default") as client:
            migrate(client, settings.database)
    archiving = Archiving(settings) if find_spark_java() is not None else None
    if archiving is None:
        console.print(f"[yellow]![/] no JDK 17 or 21 for Spark: history is left out; `{install_command()}`")
    with Pipeline(settings, keep=keep) as pipeline:
        with step("starting loaders and job city"):
            pipeline.start_loaders()
            pipeline.start_job()
        if archiving is not None:
            with step("starting job archive"):
                archiving.start()
        report = _replay(settings, source, speed, pipeline, console)
        with step("recounting the log without Flink"):
            log = EventLog(settings, work_dir=settings.home_dir / "demo")
            prover = Prover(log)
            answers = AnswersProver(log, [part.name for part in city_parts(settings)])
        with step("waiting for the last rows") as say:
            rows = prover.expected_rows() | answers.expected_rows()
            rows["late"] += answers.late
            pipeline.wait_until_loaded(rows, say, patience=120)
            restarts = pipeline.restarts()
            if not keep:
                pipeline.stop_job()
                pipeline.drain_loaders()
        with step("comparing"):
            proof, answered = prover.compare(), answers.compare()
        history = None
        if archiving is not None:
            with step("waiting for the archive") as say:
                archiving.wait_until_whole(say, patience=120)
                if not keep:
                    archiving.stop()
            with step("computing history again with Spark, and correcting it") as say:
                history = prove_history(settings, log, say)
    return DemoResult(report, proof, answered, history, restarts, time.monotonic() - began)


def _require_proven(parts: list[str]) -> None:
    missing = [name for name in _PROVEN if name not in parts]
    if missing:
        raise HailstreamError(
            f"the demo proves what {' and '.join(missing)} say, and HAILSTREAM_CITY_JOBS leaves that out",
            hint=f"unset it, or HAILSTREAM_CITY_JOBS={','.join([*parts, *missing])}",
            exit_code=2,
        )


def _replay(
    settings: Settings, source: EventSource, speed: float | None, pipeline: Pipeline, console: Console
) -> ReplayReport:
    """Replay in a thread while the city is drawn; Ctrl-C ends both."""
    state = _Shared()

    def work() -> None:
        try:
            state.report = run_replay(
                settings, source, ReplayOptions(speed=speed), state.tell, stopped=lambda: state.stop, say=lambda _: None
            )
        except BaseException as error:  # raised again where it is seen
            state.error = error

    worker = threading.Thread(target=work, name="replay")
    observer = Observer(settings)
    worker.start()
    try:
        with Live(
            draw(observer.look(None)), console=console, refresh_per_second=4, transient=not console.is_terminal
        ) as live:
            while worker.is_alive():
                worker.join(_LOOK_SECONDS)
                pipeline.check()
                live.update(draw(observer.look(state.progress)))
    finally:
        state.stop = True
        worker.join()
    if state.error is not None:
        raise state.error
    assert state.report is not None
    return state.report


class _Shared:
    """What the replay's thread and the screen tell each other."""

    def __init__(self) -> None:
        self.progress: ReplayProgress | None = None
        self.report: ReplayReport | None = None
        self.error: BaseException | None = None
        self.stop = False

    def tell(self, progress: ReplayProgress) -> None:
        self.progress = progress


class _Steps:
    """A line for each step: what it does while it does it, then how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, what: str) -> _Step:
        return _Step(self._console, what)


class _Step:
    def __init__(self, console: Console, what: str) -> None:
        self._console = console
        self._what = what

    def __enter__(self) -> Callable[[str], None]:
        self._began = time.monotonic()
        self._status = self._console.status(self._what)
        self._status.start()
        return lambda detail: self._status.update(f"{self._what}: {detail}")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._status.stop()
        if kind is None:
            self._console.print(f"[green]✓[/] {self._what}  [dim]{time.monotonic() - self._began:.1f} s[/]")
