from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hailstream.domain.surge.policies import DEFAULT, Policies
from hailstream.domain.surge.policy import PARAMETERS, allowed, make_policy, write_policy
from hailstream.domain.surge.price import Reason
from hailstream.errors import HailstreamError
from hailstream.surge.city import STADIUM
from hailstream.surge.commands import register
from hailstream.surge.evening import GAME_END_MS, Evening, simulate
from hailstream.surge.preview import evening_table, policy_for_preview

DOCS = Path(__file__).resolve().parents[3] / "docs"
CITY = make_policy(scope="city")


@pytest.fixture(scope="module")
def evening() -> Evening:
    return simulate(Policies().with_(CITY))


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["surge", "preview", *arguments], env={"COLUMNS": "120"})


def test_prices_rise_when_the_stadium_empties_and_come_down_again(evening: Evening) -> None:
    stadium = evening.of(STADIUM)
    before = [price for price in stadium if price.window_end <= GAME_END_MS]
    after = [price for price in stadium if price.window_end > GAME_END_MS]
    assert {price.multiplier_tenths for price in before} == {10}
    assert max(price.multiplier_tenths for price in after) == 30
    assert after[-1].multiplier_tenths == 10
    assert {Reason.DEMAND, Reason.CAPPED, Reason.DECAY} <= {price.reason for price in after}
    assert [price.window_end for price in stadium] == sorted({price.window_end for price in evening.prices})


def test_the_same_seed_gives_the_same_evening_and_another_one_another(evening: Evening) -> None:
    assert simulate(Policies().with_(CITY)).digest == evening.digest
    assert simulate(Policies().with_(CITY), seed=2).digest != evening.digest


def test_drivers_answer_prices(evening: Evening) -> None:
    off = simulate(Policies().with_(make_policy(scope="city", enabled=False)))
    assert {price.multiplier_tenths for price in off.prices} == {10}
    assert sum(off.waiting) > sum(evening.waiting), "fewer taxis come when there is nothing to gain"


def test_the_picture_of_the_documentation_is_what_the_command_draws(evening: Evening) -> None:
    drawn = (DOCS / "images" / "surge-evening.svg").read_text()
    assert evening.digest in drawn, "hailstream surge preview --out docs/images/surge-evening.svg"


def test_the_documented_defaults_and_ranges_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", (DOCS / "surge.md").read_text(), re.MULTILINE)
    documented = {name: (default.strip(), ranges.strip()) for name, default, ranges in rows}
    assert {name: documented[name][0] for name in PARAMETERS} == {
        name: str(getattr(DEFAULT, name)).lower() for name in PARAMETERS
    }
    for name in PARAMETERS:
        numbers = re.findall(r"[\d.]+", allowed(name))
        assert re.findall(r"[\d.]+", documented[name][1])[:2] == numbers[:2], name


@pytest.mark.parametrize(("name", "begin"), [("a.svg", b"<?xml"), ("b.PNG", b"\x89PNG")])
def test_a_picture_is_written_whole_and_in_the_format_of_its_name(tmp_path: Path, name: str, begin: bytes) -> None:
    (tmp_path / name).write_text("old")
    done = run("--out", str(tmp_path / name), "--cap", "2.5")
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_bytes().startswith(begin)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "Flushing Meadows" in done.output


def test_a_picture_names_its_axes_and_the_cap(evening: Evening, tmp_path: Path) -> None:
    from hailstream.surge.picture import save_picture

    policy = make_policy(scope="city", cap=2.5)
    save_picture(evening, policy, tmp_path / "a.svg")
    save_picture(evening, policy, tmp_path / "b.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    # Glyphs are drawn as paths, each text with itself as a comment.
    for text in ("New York time, 14 June 2024", "multiplier of the fare", "22:30", "cap, 2.5"):
        assert f"<!-- {text} -->" in drawn


@pytest.mark.parametrize(
    ("out", "error"), [("a.pdf", "not a picture"), ("a", "not a picture"), ("none/a.svg", "there is no such folder")]
)
def test_where_no_picture_can_be_written_is_told_before_the_work(tmp_path: Path, out: str, error: str) -> None:
    raised = run("--out", str(tmp_path / out)).exception
    assert isinstance(raised, HailstreamError)
    assert error in raised.message
    assert raised.exit_code == 2


def test_a_folder_in_the_place_of_the_picture_is_told_and_nothing_is_left(evening: Evening, tmp_path: Path) -> None:
    from hailstream.surge.picture import save_picture

    (tmp_path / "a.svg").mkdir()
    with pytest.raises(HailstreamError, match=r"a\.svg: cannot be written: "):
        save_picture(evening, CITY, tmp_path / "a.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_a_policy_of_a_file_holds_for_all_of_the_preview(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(write_policy(make_policy(scope="zone:7", revision=4, cap=1.5)))
    assert policy_for_preview(file, {}) == make_policy(scope="city", revision=4, cap=1.5)
    with pytest.raises(HailstreamError, match="--policy-file and --min-samples"):
        policy_for_preview(file, {"min_samples": 3})
    file.write_text('{"scope": "city", "cap": 0}')
    with pytest.raises(HailstreamError, match=r"policy\.json: wrong policy: cap 0 must be"):
        policy_for_preview(file, {})
    with pytest.raises(HailstreamError, match=r"none\.json: cannot be read: No such file"):
        policy_for_preview(tmp_path / "none.json", {})


def test_the_table_tells_when_it_was_dearer(evening: Evening) -> None:
    table = evening_table(evening)
    first = [str(next(iter(column.cells))) for column in table.columns]
    assert first[0].startswith("93 ")
    assert first[1] == "3.0"
    assert re.fullmatch(r"22:\d\d", first[2])
    assert re.fullmatch(r"2[23]:\d\d", first[3])
    assert first[2] < first[3]
