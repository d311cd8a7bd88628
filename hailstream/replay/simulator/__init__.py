"""The simulator: a seeded city of taxis as a source of events, with faults that a ledger knows."""

from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.source import Simulation, SimulationReport, open_simulation
from hailstream.replay.simulator.spec import DEFAULT_FAULTS, SimulationSpec, parse_spec

__all__ = [
    "DEFAULT_FAULTS",
    "Case",
    "Simulation",
    "SimulationReport",
    "SimulationSpec",
    "open_simulation",
    "parse_spec",
]
