"""Where a policy holds: in the city, in a borough or in a zone."""

from __future__ import annotations

import re
from typing import Final

from hailstream.domain.zones import OUTSIDE, UNKNOWN, ZONES

CITY: Final = "city"
_PLACES: Final = tuple(zone for zone in ZONES if zone.zone_id not in (UNKNOWN, OUTSIDE))
#: In order of name; "EWR" is Newark Airport.
BOROUGHS: Final = tuple(sorted({zone.borough for zone in _PLACES}))
_ZONE: Final = re.compile(r"zone:([1-9][0-9]{0,2})")

#: Zone to the scopes it lies in, the narrowest first; 264 and 265, which are no places, lie in none.
SCOPES: Final[dict[int, tuple[str, ...]]] = {zone.zone_id: () for zone in ZONES} | {
    zone.zone_id: (f"zone:{zone.zone_id}", f"borough:{zone.borough}", CITY) for zone in _PLACES
}


def check_scope(text: str) -> str:
    """The scope itself, if it is one.

    Raises:
        ValueError: it is none; says what there is.
    """
    zone = _ZONE.fullmatch(text)
    if zone is not None and int(zone[1]) in (UNKNOWN, OUTSIDE):
        raise ValueError(f"zone {zone[1]} is no place but stands for trips without one; its price is always 1.0")
    if text == CITY or text in {f"borough:{name}" for name in BOROUGHS} or (zone and int(zone[1]) in SCOPES):
        return text
    boroughs = ", ".join(f"borough:{name}" for name in BOROUGHS)
    raise ValueError(f"{text[:80]!r} is no scope: there are {CITY}, {boroughs}, and zone:1 to zone:{UNKNOWN - 1}")


def scope_order(scope: str) -> tuple[int, str]:
    """A key to sort scopes by: the widest first, zones by number."""
    kind, _, name = scope.partition(":")
    return ((CITY, "borough", "zone").index(kind), name.rjust(3, "0"))
