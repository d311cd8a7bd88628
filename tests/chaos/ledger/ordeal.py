"""One run: the pipeline under a steady stream and a schedule of kills and pauses, then let come to rest."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.lifecycle import stop_job
from hailstream.jobs.submit import submit_job
from hailstream.loader.migrations import migrate
from hailstream.local.topics_admin import create_topics
from hailstream.replay.events import open_source
from hailstream.replay.run import TAIL_SECONDS
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from tests.chaos.ledger.crew import Crew
from tests.chaos.ledger.record import Record
from tests.chaos.ledger.schedule import LEAD, Action
from tests.chaos.ledger.victims import Victims
from tests.chaos.ledger.watch import Point, Watch

TICK_SECONDS = 0.1
# So long nothing may move at all before the run is given up.
PATIENCE = 240.0
DRAIN_SECONDS = 300.0
# Values in Redis live by the wall clock: here until they are compared.
REDIS_TTL = 24 * 3600


@dataclass(frozen=True)
class Stream:
    """What is sent.

    Attributes:
        seed: of the simulator.
        seconds: that it takes undisturbed; longer than what the actions take, see LEAD.
        rate: events per second.
        speed: event seconds per second.
    """

    seed: int
    seconds: float
    rate: float
    speed: float

    @property
    def spec(self) -> str:
        minutes, rate = self.seconds * self.speed / 60, self.rate / self.speed
        return f"sim:?seed={self.seed}&minutes={minutes:g}&rate={rate:g}&faults=all"


@dataclass
class Struck:
    """An action that was done.

    Attributes:
        at: seconds after the stream began.
        pid: of the process.
        before: the log at that moment.
        recovered: seconds until everything was past that point again; None: not before the end.
        alone: no other action fell between.
    """

    action: Action
    at: float
    pid: int
    before: Point
    recovered: float | None = None
    alone: bool = True


@dataclass
class Outcome:
    """What happened.

    Attributes:
        settings: the namespace with its horizon, as the proofs need them.
        faults: what did not come to its end; empty when everything did.
        ended: processes that ended by themselves and were started again: name, exit code, last words.
    """

    settings: Settings
    struck: list[Struck] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: list[tuple[str, int, str]] = field(default_factory=list)
    replay_seconds: float = 0.0


def run_ordeal(
    settings: Settings,
    stream: Stream,
    actions: Sequence[Action],
    jobs: tuple[str, ...],
    work_dir: Path,
    record: Record,
    say: Callable[[str], None],
) -> Outcome:
    """Run it on a stack that is up, in the settings' namespace, which is new.

    Returns when the log was sent, processed, committed and loaded to its end
    and the jobs are stopped; or when nothing moves any more, which is a fault.

    Raises:
        HailstreamError: it could not even begin.
    """
    settings = _prepare(settings, stream, work_dir)
    outcome = Outcome(settings)

    def note(name: str, code: int, words: str) -> None:
        outcome.ended.append((name, code, words))
        record("ended", name=name, code=code, words=words)
        say(f"{name} ended by itself with {code}, started again: {words}")

    with ExitStack() as stack:
        crew = stack.enter_context(Crew(settings, note))
        stack.callback(_cancel, settings, jobs)
        for job in jobs:
            say(f"job {job} runs as {submit_job(find_job(job, settings), settings)}")
        crew.start_loaders()
        if settings.flink_ha == "none":
            crew.start_keeper(jobs)
        watch = stack.enter_context(Watch(settings, jobs))
        victims = stack.enter_context(Victims(settings, crew))
        crew.start_replayer(stream.spec, stream.speed)
        run = _Run(outcome, crew, watch, victims, record, say)
        run.until(lambda: min(watch.clickhouse, watch.redis) > 0 or run.lead_is_over(), "the first window")
        run.act([Action(0.0, "nothing", "")], lambda: run.all_recovered() or run.lead_is_over())
        run.act(actions, lambda: crew.is_done("replayer"))
        outcome.replay_seconds = run.now()
        end = run.end_of_log()
        run.until(lambda: watch.is_processed(end), "the jobs to process the log")
        crew.end("keeper")
        for job in jobs:
            run.attempt(f"stopping {job}", lambda job=job: stop_job(job, settings))  # type: ignore[misc]
        run.attempt("showing what was sent last", lambda: run.until(run.all_recovered, "the last results"))
        crew.end("clickhouse-loader", "redis-loader")
        for database in ("clickhouse", "redis"):
            run.attempt(f"loading {database} to its end", lambda d=database: _drain(crew, d))  # type: ignore[misc]
    return outcome


class _Run:
    def __init__(
        self, outcome: Outcome, crew: Crew, watch: Watch, victims: Victims, record: Record, say: Callable[[str], None]
    ) -> None:
        self._outcome = outcome
        self._crew = crew
        self._watch = watch
        self._victims = victims
        self._record = record
        self._say = say
        self._began = time.monotonic()

    def now(self) -> float:
        """Seconds since the stream began."""
        return time.monotonic() - self._began

    def lead_is_over(self) -> bool:
        """Whether the actions have to begin, seen or not what came before: the stream ends soon after their time."""
        return self.now() >= LEAD

    def act(self, actions: Sequence[Action], done: Callable[[], bool]) -> None:
        """Do the actions at their times from now on, until all are done and ``done``."""
        zero, left = self.now(), list(actions)
        self.until(lambda: self._strike_due(left, zero) and done(), "the stream to be sent")

    def _strike_due(self, left: list[Action], zero: float) -> bool:
        """Whether all actions are done; one whose process does not run just now waits for it."""
        while left and zero + left[0].at <= self.now():
            action = left[0]
            before = self._watch.point()
            pid = 0 if action.kind == "nothing" else self._victims.strike(action)
            if pid is None and not self._is_over(action):
                return False
            left.pop(0)
            if pid is None:
                self._fault(action.name, "the stream had ended before")
                continue
            self._note_strike(Struck(action, self.now(), pid, before), planned=zero + action.at)
        return not left

    def _note_strike(self, struck: Struck, planned: float) -> None:
        action = struck.action
        for other in self._outcome.struck:
            if other.recovered is None:
                other.alone = struck.alone = False
        self._outcome.struck.append(struck)
        pause = f" for {action.pause:.1f} s" if action.pause else ""
        self._record(
            "action",
            kind=action.kind,
            target=action.target,
            planned=round(planned, 2),
            at=round(struck.at, 2),
            pause=round(action.pause, 2),
            pid=struck.pid,
            event_time=struck.before.newest,
        )
        if action.kind != "nothing":
            self._say(f"{struck.at:6.1f} s  {action.name}{pause} ({struck.pid})")

    def watch_recoveries(self) -> None:
        """Note which actions the pipeline has recovered from."""
        now = self.now()
        for struck in self._outcome.struck:
            if struck.recovered is None and self._watch.is_past(struck.before):
                struck.recovered = now - struck.at
                self._record(
                    "recovered",
                    kind=struck.action.kind,
                    target=struck.action.target,
                    after=round(struck.recovered, 2),
                    alone=struck.alone,
                )
                name = struck.action.name if struck.action.kind != "nothing" else "undisturbed, the way through"
                self._say(f"{now:6.1f} s  {name}: results again after {struck.recovered:.1f} s")

    def all_recovered(self) -> bool:
        """Whether the pipeline is past every action."""
        return all(struck.recovered is not None for struck in self._outcome.struck)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Tend the processes and watch, until it holds; a fault when nothing moves for long."""
        moved, deadline = self._progress(), time.monotonic() + PATIENCE
        while not holds():
            self._crew.tend()
            self.watch_recoveries()
            now = self._progress()
            if now != moved:
                moved, deadline = now, time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                raise HailstreamError(
                    f"nothing moved for {PATIENCE:.0f} s while waiting for {what}: {now}",
                    hint=f"the logs are in {self._outcome.settings.home_dir / 'logs'}",
                )
            time.sleep(TICK_SECONDS)
        self.watch_recoveries()

    def end_of_log(self) -> Point:
        """The log when nothing more is sent, looked at anew."""
        seen = self._watch.rounds() + 2  # the next answer may be of a look that began before
        self.until(lambda: self._watch.rounds() >= seen, "Kafka's answer")
        return self._watch.point()

    def attempt(self, what: str, action: Callable[[], object]) -> None:
        """Do something that is part of coming to rest; its failure is a fault of the pipeline, and goes on."""
        try:
            action()
        except (HailstreamError, subprocess.TimeoutExpired) as error:
            self._fault(what, error.message if isinstance(error, HailstreamError) else str(error))

    def _fault(self, what: str, message: str) -> None:
        self._outcome.faults.append(f"{what}: {message}")
        self._record("fault", what=what, message=message)
        self._say(f"{what} failed: {message}")

    def _is_over(self, action: Action) -> bool:
        """Whether the process will not run again."""
        return action.target == "replayer" and self._crew.is_done("replayer")

    def _progress(self) -> tuple[int, ...]:
        point = self._watch.point()
        return sum(point.ends.values()), self._watch.processed(), self._watch.clickhouse, self._watch.redis


def _prepare(settings: Settings, stream: Stream, work_dir: Path) -> Settings:
    """The settings with the stream's horizon; topics, schemas and tables are made."""
    bounds = open_source(stream.spec, work_dir=work_dir).bounds()
    assert bounds is not None, "a simulation has bounds"
    horizon = bounds[1] + timedelta(seconds=TAIL_SECONDS + 1)
    settings = settings.model_copy(update={"horizon": horizon.isoformat(), "redis_ttl": REDIS_TTL})
    create_topics(settings)
    register_schemas(settings)
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    return settings


def _drain(crew: Crew, database: str) -> None:
    code = crew.drain(database, DRAIN_SECONDS)
    if code:
        raise HailstreamError(f"the loader ended with exit code {code}")


def _cancel(settings: Settings, jobs: tuple[str, ...]) -> None:
    """Leave no job behind."""
    rest = FlinkRest(settings)
    for job in jobs:
        running = rest.active_job(find_job(job, settings).title(settings))
        if running is not None:
            rest.cancel(running.job_id)
