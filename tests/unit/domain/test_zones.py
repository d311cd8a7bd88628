from __future__ import annotations

import csv
import gzip
import io
import tarfile
import time
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hailstream.domain.zones import OUTSIDE, UNKNOWN, ZONES, zone, zone_name, zone_of
from tests.unit.domain.polygons import Floats, read_rings, zones_by_polygons

Points = npt.NDArray[np.float64]  # rows of latitude, longitude


@pytest.fixture(scope="module")
def shapes(shared_data: Path) -> list[tuple[int, list[Floats]]]:
    return read_rings(shared_data / "taxi_zones.geojson")


def ride_points(folder: Path) -> Points:
    with gzip.open(folder / "ride_events_2013-01-01.csv.gz") as file:
        values = np.loadtxt(file, delimiter=",", usecols=(4, 5, 6, 7))
    return np.unique(np.concatenate((values[:, [1, 0]], values[:, [3, 2]])), axis=0)


def monthly_points(folder: Path) -> Points:
    points = []
    with tarfile.open(folder / "tlc_monthly_samples_2009_2017.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            rows = [row for row in csv.reader(io.TextIOWrapper(file, newline="")) if row]
            names = [name.strip().lower() for name in rows[0]]
            for side in ("start_", "end_", "pickup_", "dropoff_"):
                at = [i for want in ("lat", "lon") for i, name in enumerate(names) if name.startswith(side + want)]
                if len(at) == 2:
                    points += [[float(row[i] or "nan") for i in at] for row in rows[1:]]
    return np.array(points)


def test_real_points_have_the_zone_of_their_polygon(shared_data: Path, shapes: list[tuple[int, list[Floats]]]) -> None:
    rides, months = ride_points(shared_data), monthly_points(shared_data)
    assert len(rides) > 90_000
    assert len(months) == 2 * 12_268
    # Every third ride keeps the test short; the answer has been the polygons' for all of them.
    points = np.concatenate((rides[::3], months))
    right = zones_by_polygons(shapes, points[:, 0], points[:, 1])
    assert np.count_nonzero(right == OUTSIDE) < 0.1 * len(points)
    agreement = np.mean(zone_of(points[:, 0], points[:, 1]) == right)
    assert agreement >= 0.999


def test_points_two_metres_from_a_border_are_on_the_right_side_of_it(shapes: list[tuple[int, list[Floats]]]) -> None:
    rng = np.random.default_rng(7)
    edges = [ring for _, rings in shapes for ring in rings]
    middles = np.concatenate([(ring[:-1] + ring[1:]) / 2 for ring in edges])
    chosen = middles[rng.choice(len(middles), 4_000, replace=False)]
    points = chosen + rng.choice([-2e-5, 2e-5], chosen.shape)
    right = zones_by_polygons(shapes, points[:, 1], points[:, 0])
    assert np.array_equal(zone_of(points[:, 1], points[:, 0]), right)


def test_where_polygons_overlap_the_lowest_object_id_has_the_point(shapes: list[tuple[int, list[Floats]]]) -> None:
    rng = np.random.default_rng(8)
    vertices = np.concatenate([ring for _, rings in shapes for ring in rings])
    points = vertices[rng.choice(len(vertices), 4_000)] + rng.uniform(-3e-5, 3e-5, (4_000, 2))
    first = zones_by_polygons(shapes, points[:, 1], points[:, 0])
    last = zones_by_polygons(shapes[::-1], points[:, 1], points[:, 0])
    contested = first != last
    assert np.count_nonzero(contested) > 20
    assert np.array_equal(zone_of(points[contested, 1], points[contested, 0]), first[contested])


def test_packaged_points_of_each_zone_are_in_it() -> None:
    with files("hailstream.domain").joinpath("data/zone_points.npz").open("rb") as file, np.load(file) as data:
        zones, degrees = data["zones"], data["microdegrees"] / 1e6
    assert len(zones) == 260
    found = zone_of(degrees[..., 0].ravel(), degrees[..., 1].ravel())
    assert np.array_equal(found, np.repeat(zones, degrees.shape[1]))


def test_what_is_no_place_in_the_city_is_outside_without_a_warning() -> None:
    nothing = [np.nan, np.inf, -np.inf, 0.0, 1e300, -1e300, 90.0]
    latitudes = np.array([*nothing, *[40.75] * len(nothing), 40.75, 40.55])
    longitudes = np.array([*[-73.98] * len(nothing), *nothing, -73.60, -74.0])  # the last: the Atlantic
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(zone_of(latitudes, longitudes).tolist()) == {OUTSIDE}
        assert zone_of([40.7580], [-73.9855]).tolist() == [230]  # Times Square


def test_a_long_column_gets_the_answers_that_its_points_get_one_by_one() -> None:
    rng = np.random.default_rng(9)
    latitudes, longitudes = rng.uniform(40.49, 40.92, 70_001), rng.uniform(-74.26, -73.69, 70_001)
    whole = zone_of(latitudes, longitudes)
    for at in (0, 32_767, 32_768, 65_535, 65_536, 70_000):
        assert zone_of(latitudes[at : at + 1], longitudes[at : at + 1])[0] == whole[at]
    assert zone_of(latitudes[::2], longitudes[::2]).tolist() == whole[::2].tolist()
    assert zone_of([], []).tolist() == []


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        zone_of([40.7, 40.8], [-73.9])


def test_five_million_points_a_second_are_looked_up_on_one_core() -> None:
    rng = np.random.default_rng(10)
    # Around Midtown and the airports, where trips are; a third in cells that borders cross.
    latitudes, longitudes = rng.normal(40.75, 0.03, 1_000_000), rng.normal(-73.97, 0.04, 1_000_000)
    zone_of(latitudes, longitudes)
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        zone_of(latitudes, longitudes)
        best = min(best, time.process_time() - began)
    assert len(latitudes) / best >= 5_000_000


def test_zones_have_the_names_of_the_tlc_table(shared_data: Path) -> None:
    with (shared_data / "taxi_zone_lookup.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [z.zone_id for z in ZONES] == [int(row["LocationID"]) for row in table] == list(range(1, 266))
    named = [(row["Zone"], row["Borough"], row["service_zone"]) for row in table[:263]]
    assert [(z.name, z.borough, z.service_zone) for z in ZONES[:263]] == named
    assert (zone_name(UNKNOWN), zone_name(OUTSIDE)) == ("Unknown", "Outside of NYC")


def test_zones_without_a_polygon_of_their_own_are_where_their_namesakes_are() -> None:
    for drawn, twin in ((56, 57), (103, 104), (103, 105)):
        assert zone(twin).name == zone(drawn).name
        assert (zone(twin).latitude, zone(twin).longitude) == (zone(drawn).latitude, zone(drawn).longitude)
    assert zone(UNKNOWN).latitude is None


@pytest.mark.parametrize("number", [0, -1, 266])
def test_a_number_that_is_no_zone_is_named_as_such_and_not_looked_up(number: int) -> None:
    assert zone_name(number) == f"zone {number}"
    with pytest.raises(KeyError):
        zone(number)
