"""Which plans may go on from saved state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hailstream.errors import HailstreamError
from hailstream.flink.plan import graph_plan, settle_plan

Nodes: TypeAlias = list[dict[str, Any]]

#: Operators of a job with a fold: name, and for each input its place in this list and how rows get there.
OPERATORS: list[tuple[str, list[tuple[int, str]]]] = [
    ("Source: trips_ended_raw[1]", []),
    ("PythonCalc[2]", [(0, "FORWARD")]),
    ("GlobalWindowAggregate[3]", [(1, "HASH")]),
    ("alerts", [(2, "HASH")]),
    ("Source: controls[4]", []),
    ("zones", [(3, "HASH"), (4, "BROADCAST")]),
    ("Sink: alerts_v1[5]: Writer", [(5, "FORWARD")]),
    ("Sink: alerts_v1[5]: Committer", [(6, "FORWARD")]),
]


def nodes(parallelism: int, source: int | None = None) -> Nodes:
    """The graph as Flink tells it; where the numbers of operators differ, rows are dealt out and not handed on."""
    count = [(source or parallelism) if name.startswith("Source") else parallelism for name, _ in OPERATORS]
    told: Nodes = []
    for place, (name, inputs) in enumerate(OPERATORS):
        kind = name.split(":")[0] if ": " in name else "Operator"
        node = {"id": place + 1, "type": name, "pact": kind if kind == "Operator" else f"Data {kind}"}
        node |= {"contents": name, "parallelism": count[place]}
        if inputs:
            node["predecessors"] = [
                {
                    "id": before + 1,
                    "ship_strategy": "REBALANCE" if how == "FORWARD" and count[before] != count[place] else how,
                    "side": "second",
                }
                for before, how in inputs
            ]
        told.append(node)
    return told


def as_told(graph: Nodes) -> str:
    """Its text, spaced as Flink spaces it."""
    return json.dumps({"nodes": graph}, indent=2, separators=(",", " : "))


def rename(graph: Nodes) -> None:
    graph[3] |= {"type": "risks", "contents": "risks"}


def add(graph: Nodes) -> None:
    by = [{"id": 4, "ship_strategy": "FORWARD", "side": "second"}]
    graph.append(
        {"id": 9, "type": "late", "pact": "Operator", "contents": "late", "parallelism": 2, "predecessors": by}
    )


def leave_out(graph: Nodes) -> None:
    del graph[4]
    del graph[4]["predecessors"][1]


def key_no_more(graph: Nodes) -> None:
    graph[3]["predecessors"][0]["ship_strategy"] = "FORWARD"


def take_from_elsewhere(graph: Nodes) -> None:
    graph[3]["predecessors"][0]["id"] = 2


def test_an_equal_plan_goes_on_from_its_savepoint(tmp_path: Path) -> None:
    kept = tmp_path / "plans" / "city.json"
    settle_plan('{"nodes": 1}', kept, restoring=False)
    settle_plan('{"nodes": 1}', kept, restoring=True)
    assert kept.read_text() == '{"nodes": 1}'


def test_a_changed_plan_is_refused_with_the_change_and_the_way_and_the_kept_one_stays(tmp_path: Path) -> None:
    kept = tmp_path / "city.json"
    settle_plan('{\n"size": 5\n}', kept, restoring=False)
    with pytest.raises(HailstreamError, match=r'- "size": 5; \+ "size": 6') as refused:
        settle_plan('{\n"size": 6\n}', kept, restoring=True)
    assert "HAILSTREAM_GENERATION" in refused.value.hint
    assert '"size": 5' in kept.read_text()


def test_a_fresh_start_may_change_the_plan(tmp_path: Path) -> None:
    kept = tmp_path / "city.json"
    settle_plan("old", kept, restoring=False)
    settle_plan("new", kept, restoring=False)
    assert kept.read_text() == "new"


@pytest.mark.parametrize(("parallelism", "source"), [(1, None), (2, None), (16, None), (2, 1), (1, 4)])
def test_a_graph_goes_on_with_more_or_fewer_of_each_operator(
    tmp_path: Path, parallelism: int, source: int | None
) -> None:
    kept = tmp_path / "anomalies.json"
    before, after = as_told(nodes(2)), as_told(nodes(parallelism, source))
    assert ("REBALANCE" in after) == (source is not None)
    settle_plan(graph_plan(before), kept, restoring=False)
    settle_plan(graph_plan(after), kept, restoring=True)
    assert kept.read_text() == graph_plan(before)


@pytest.mark.parametrize("parallelism", [2, 3])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (rename, r'- "type" : "alerts",; \+ "type" : "risks",'),
        (add, r'\+ "id" : 9,; \+ "type" : "late",'),
        (leave_out, r'- "id" : 5,; - "type" : "Source: controls\[4\]",'),
        (key_no_more, r'- "ship_strategy" : "HASH",; \+ "ship_strategy" : "FORWARD",'),
        (take_from_elsewhere, r'- "id" : 3,; \+ "id" : 2,'),
    ],
)
def test_a_graph_of_other_operators_is_refused_with_the_change_and_the_kept_one_stays(
    tmp_path: Path, change: Callable[[Nodes], None], told: str, parallelism: int
) -> None:
    kept = tmp_path / "anomalies.json"
    ran = graph_plan(as_told(nodes(2)))
    settle_plan(ran, kept, restoring=False)
    changed = nodes(parallelism)
    change(changed)
    with pytest.raises(HailstreamError, match=f"first change: {told}") as refused:
        settle_plan(graph_plan(as_told(changed)), kept, restoring=True)
    assert "HAILSTREAM_GENERATION" in refused.value.hint
    assert kept.read_text() == ran
