"""How the challenge's definitions are read, one sentence a test."""

from __future__ import annotations

import pickle

import pytest

from hailstream.domain.events import STARTED_RANK, Started
from hailstream.domain.fold import NEVER
from hailstream.domain.opportunities.answers import AreasRanked, By, Kind, Opportunity, RoutesRanked
from hailstream.domain.opportunities.fold import Opportunities
from hailstream.domain.opportunities.grid import Cell
from tests.unit.opportunities.trips import (
    AT_SEA,
    HARLEM,
    KENNEDY,
    MINUTE,
    NEW_YEAR,
    TIMES_SQUARE,
    WITHOUT_PLACE,
    WITHOUT_ZONE,
    events_told,
    many_places,
    trip,
)

HALF_HOUR, QUARTER = 30 * MINUTE, 15 * MINUTE


def fold(kind: Kind, by: By = "zone") -> Opportunities:
    return Opportunities([kind], [by])


def routes(answer: Opportunity) -> list[tuple[object, ...]]:
    assert isinstance(answer, RoutesRanked)
    return [tuple(route) for route in answer.routes]


def areas(answer: Opportunity) -> list[tuple[object, ...]]:
    assert isinstance(answer, AreasRanked)
    return [tuple(area) for area in answer.areas]


def test_a_list_names_the_trip_that_changed_it() -> None:
    (answer,) = fold("routes").event(trip(0, "first"))
    began = NEW_YEAR - 10 * MINUTE
    assert answer == RoutesRanked("zone", NEW_YEAR, "first", began, NEW_YEAR, ((41, 230, 1),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("later", "trips"), [(HALF_HOUR - 1, 2), (HALF_HOUR, 1)])
def test_a_trip_counts_for_routes_less_than_half_an_hour(later: int, trips: int) -> None:
    ends = [trip(0, "a"), trip(1, "b", KENNEDY, HARLEM), trip(later, "c")]
    answers = events_told(fold("routes"), ends)
    assert ((41, 230, trips) in routes(answers[-1])) is True


@pytest.mark.parametrize(("later", "half_cents"), [(QUARTER - 1, 1500), (QUARTER, 2000)])
def test_a_trip_counts_for_profits_less_than_a_quarter(later: int, half_cents: int) -> None:
    ends = [trip(0, "a", fare=5_00), trip(later, "b", end=HARLEM, fare=10_00)]
    assert areas(events_told(fold("areas"), ends)[-1]) == [(41, 1, half_cents)]


@pytest.mark.parametrize(("later", "empty"), [(HALF_HOUR - 1, 2), (HALF_HOUR, 1)])
def test_a_taxi_is_empty_less_than_half_an_hour(later: int, empty: int) -> None:
    ends = [trip(0, "a", end=HARLEM, taxi="v"), trip(later, "b", end=HARLEM, taxi="w")]
    assert areas(events_told(fold("areas"), ends)[-1]) == [(41, empty, 20_00)]


def test_what_time_takes_away_is_told_with_the_trip_that_moved_it_on() -> None:
    counted = fold("routes")
    counted.event(trip(0, "a"))
    assert counted.event(trip(1, "b", KENNEDY))
    (answer,) = counted.event(trip(HALF_HOUR, "c", KENNEDY))
    assert answer.trip_id == "c"
    assert routes(answer) == [(132, 230, 2)]


def test_after_half_an_hour_of_silence_the_lists_are_empty_and_nothing_is_remembered() -> None:
    counted = Opportunities(by=["zone"])
    counted.event(trip(0, "a"))
    counted.event(trip(5, "b", TIMES_SQUARE, taxi="w"))
    assert counted.due == NEW_YEAR + 5 + HALF_HOUR
    empty = counted.at(counted.due)
    silence = ("zone", NEW_YEAR + 5 + HALF_HOUR, None, None, None, ())
    assert empty == [RoutesRanked(*silence), AreasRanked(*silence)]  # type: ignore[arg-type]
    assert (len(counted.state), counted.due) == (0, NEVER)


def test_what_is_forgotten_takes_no_memory() -> None:
    def size(ranked: Opportunities) -> int:
        """Of all that it holds, pickled with everything that follows from the trips."""
        return len(pickle.dumps(vars(ranked)))

    ranked = Opportunities()
    empty = size(ranked)
    events_told(ranked, many_places(1))
    full = size(ranked)
    ranked.at(ranked.due)
    assert full > 10 * empty
    assert size(ranked) < empty + 40, "but for the number of trips so far"


def test_a_list_is_told_only_when_it_changes() -> None:
    counted = fold("routes")
    assert counted.event(trip(0, "a"))
    assert not counted.event(trip(1, "b")), "more trips on the same route: the order is the same"
    paid = fold("areas")
    assert paid.event(trip(0, "a", end=HARLEM))
    assert not paid.event(trip(1, "b", KENNEDY, AT_SEA))
    assert not paid.event(trip(2, "c", HARLEM, HARLEM, taxi="v", fare=10_00)), "same taxi, same median"
    assert paid.event(trip(3, "d", HARLEM, HARLEM, taxi="v", fare=12_00)) == [], "the median is the middle one"
    assert paid.event(trip(4, "e", HARLEM, HARLEM, taxi="v", fare=12_00)), "another median is another list"


def test_of_routes_with_as_many_trips_the_one_driven_last_is_first() -> None:
    ends = [trip(0, "a"), trip(1, "b", KENNEDY), trip(1, "c", HARLEM, KENNEDY), trip(2, "d", KENNEDY), trip(3, "e")]
    answers = events_told(fold("routes"), ends)
    assert routes(answers[-1]) == [(41, 230, 2), (132, 230, 2), (41, 132, 1)]


def test_of_areas_as_profitable_the_one_with_the_last_trip_is_first_then_the_lower_number() -> None:
    ends = [
        trip(0, "a", HARLEM, HARLEM, "u"),
        trip(1, "b", KENNEDY, KENNEDY, "v"),
        trip(2, "c", TIMES_SQUARE, HARLEM, None),
    ]
    answers = events_told(fold("areas"), ends)
    assert [area[0] for area in areas(answers[1])] == [132, 41]
    assert [area[0] for area in areas(answers[2])] == [41, 132], "a trip ended there last, though of no known taxi"
    both = [trip(0, "a", KENNEDY, HARLEM, "u"), trip(0, "b", HARLEM, KENNEDY, "v")]
    assert [area[0] for area in areas(events_told(fold("areas"), both)[-1])] == [41, 132]


def test_the_median_of_an_even_number_is_exact() -> None:
    ends = [trip(0, "a", HARLEM, HARLEM, "v", 10_00, 1), trip(1, "b", HARLEM, HARLEM, "w", 10_00, 2)]
    (area,) = areas(events_told(fold("areas"), ends)[-1])
    assert area == (41, 2, 2003)
    (answer,) = fold("areas").event(trip(0, end=HARLEM, fare=10_00, tip=1_50))
    assert isinstance(answer, AreasRanked)
    assert answer.areas[0].profitability_cents == 1150


def test_a_taxi_is_empty_where_its_last_trip_ended_and_nowhere_else() -> None:
    ends = [
        trip(0, "a", HARLEM, HARLEM, "v"),
        trip(1, "b", TIMES_SQUARE, HARLEM, "w"),
        trip(2, "c", TIMES_SQUARE, KENNEDY, "v"),
        trip(3, "d", KENNEDY, KENNEDY, "x"),
    ]
    answers = events_told(fold("areas"), ends)
    assert [areas(answer) for answer in answers] == [
        [(41, 1, 2000)],
        [(41, 2, 2000)],
        [(41, 1, 2000)],
        [(41, 1, 2000), (132, 2, 2000)],
    ]


def test_an_area_without_empty_taxis_or_without_profit_is_not_listed() -> None:
    ends = [trip(0, "a", HARLEM, KENNEDY), trip(1, "b", HARLEM, HARLEM, None), trip(2, "c", HARLEM, HARLEM, fare=None)]
    paid = fold("areas")
    assert [len(paid.event(end)) for end in ends] == [0, 0, 1]


def test_a_second_copy_of_a_trip_says_nothing_and_moves_no_time() -> None:
    counted = fold("routes")
    counted.event(trip(0, "a"))
    counted.event(trip(1, "b", KENNEDY))
    assert not counted.event(trip(2, "a"))
    assert not counted.event(trip(HALF_HOUR, "b", KENNEDY)), "half an hour is over for the first trip, but not told"
    assert counted.due == NEW_YEAR + 1 + HALF_HOUR
    assert routes(counted.event(trip(HALF_HOUR + 5, "a", KENNEDY))[0]) == [(132, 230, 1)], "it is another trip by now"


def test_the_start_of_a_trip_says_nothing() -> None:
    start = Started(NEW_YEAR, STARTED_RANK, "a", "1", "d", "v", 41, HARLEM[1], HARLEM[2], 1)
    assert not Opportunities().tell([start], NEW_YEAR + 1)


@pytest.mark.parametrize("ends", [(AT_SEA, HARLEM), (HARLEM, AT_SEA), (WITHOUT_PLACE, AT_SEA)])
def test_a_trip_from_or_to_outside_takes_no_part_and_moves_no_time(ends: tuple[tuple[int, float, float], ...]) -> None:
    ranked = Opportunities()
    ranked.event(trip(0, "a", HARLEM, HARLEM))
    assert not ranked.event(trip(HALF_HOUR, "b", *ends))
    assert ranked.due == NEW_YEAR + HALF_HOUR


def test_cells_need_coordinates_and_zones_need_ids() -> None:
    (by_zone,) = Opportunities(["routes"]).event(trip(0, "a", WITHOUT_PLACE, HARLEM))
    assert (by_zone.by, routes(by_zone)) == ("zone", [(161, 41, 1)])
    (by_cell,) = Opportunities(["routes"]).event(trip(0, "a", WITHOUT_ZONE, HARLEM))
    assert (by_cell.by, routes(by_cell)) == ("cell", [(Cell(158, 161), Cell(162, 150), 1)])


def test_a_fare_outside_its_bound_is_a_profit_on_the_challenges_grid_only() -> None:
    ranked = Opportunities(["areas"])
    (answer,) = ranked.event(trip(0, "a", HARLEM, HARLEM, fare=600_00))
    assert (answer.by, areas(answer)[0][2]) == ("cell", 1200_00)


def test_a_tip_that_is_not_known_is_none() -> None:
    (answer,) = fold("areas").event(trip(0, end=HARLEM, fare=10_00, tip=None))
    assert areas(answer) == [(41, 1, 2000)]


def test_no_more_than_ten_are_listed_and_the_eleventh_moves_up() -> None:
    zones = [(zone, 40.7, -73.9) for zone in range(1, 12)]
    ends = [trip(number, f"t{number}", zone, zone) for number, zone in enumerate(zones)]
    counted = fold("routes")
    answers = events_told(counted, ends)
    assert [route[0] for route in routes(answers[-1])] == [*range(11, 1, -1)]
    (later,) = counted.event(trip(HALF_HOUR + 10, "late", zones[1], zones[1]))
    assert routes(later) == [(2, 2, 1)], "and all others are gone"
