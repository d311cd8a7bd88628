"""What is usual: expected starts of a zone for each quarter hour of the New York week."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hailstream.domain.forecast.week import QUARTERS_A_WEEK
from hailstream.errors import HailstreamError

#: The revision of a zone that has no profile.
NO_PROFILE: Final = "none"
#: Of starts a quarter hour; finer than any history can tell.
DIGITS: Final = 5
#: No message of ours comes near it; a broker takes less than 1 MiB unless told otherwise.
LARGEST_BYTES: Final = 100_000
#: Problems of a message that are told; a list of 672 wrong numbers helps nobody.
_TOLD: Final = 3

Starts = Annotated[float, Field(ge=0, le=1e6)]


class ProfileError(HailstreamError):
    """A message that is no profile; names what is wrong in it."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"wrong forecast profile: {message}", hint="`hailstream forecast learn` writes new ones", exit_code=2
        )


class ZoneProfile(BaseModel):
    """The week of one zone, which is one message.

    Attributes:
        zone_id: 1-265.
        revision: of the learning that made it.
        learned_from, learned_until: the span of its history, ms.
        usual: mean starts in each of the 672 quarters of the local week, Monday 00:00 first.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    zone_id: int = Field(ge=1, le=265)
    revision: str = Field(min_length=1, max_length=64)
    learned_from: int = Field(ge=0)
    learned_until: int
    usual: tuple[Starts, ...] = Field(min_length=QUARTERS_A_WEEK, max_length=QUARTERS_A_WEEK)

    @model_validator(mode="after")
    def _forward(self) -> ZoneProfile:
        if self.revision == NO_PROFILE:
            raise ValueError(f"revision is {NO_PROFILE!r}, which says that there is no profile")
        if self.learned_until <= self.learned_from:
            raise ValueError("learned_until is not after learned_from")
        return self

    @property
    def key(self) -> bytes:
        """The key of its message."""
        return profile_key(self.zone_id)

    @cached_property
    def week(self) -> npt.NDArray[np.float64]:
        """``usual`` as an array that cannot be written to."""
        week = np.array(self.usual)
        week.flags.writeable = False
        return week

    def to_bytes(self) -> bytes:
        """The message that :func:`parse_profile` reads; some 6 kB."""
        return self.model_dump_json().encode()


def profile_key(zone_id: int) -> bytes:
    """The key of the message of a zone's profile."""
    return str(zone_id).encode()


def parse_profile(value: bytes, key: bytes | None = None) -> ZoneProfile:
    """The profile in a message: a JSON object of the fields of :class:`ZoneProfile`, UTF-8.

    Args:
        value: the message's value.
        key: the message's key, which must be the zone; not looked at if None.

    Raises:
        ProfileError: it is no profile, or its key names another zone.
    """
    if len(value) > LARGEST_BYTES:
        raise ProfileError(f"{len(value):,} bytes; one has at most {LARGEST_BYTES:,}")
    try:
        profile = ZoneProfile.model_validate_json(value)
    except ValidationError as error:
        problems = [_problem(each["loc"], each["msg"]) for each in error.errors(include_url=False, include_input=False)]
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise ProfileError("; ".join(problems[:_TOLD]) + more) from None
    if key is not None and key != profile.key:
        raise ProfileError(f"the key {key.decode(errors='replace')[:40]!r} is not its zone {profile.zone_id}")
    return profile


class Profile:
    """The profiles of all zones that have one; never changes."""

    def __init__(self, zones: Iterable[ZoneProfile] = ()) -> None:
        self._zones = {zone.zone_id: zone for zone in zones}

    @classmethod
    def empty(cls) -> Profile:
        """No zone has one."""
        return cls()

    def usual(self, zone_id: int) -> npt.NDArray[np.float64] | None:
        """Expected starts in the 672 quarters of the week; None when the zone has no profile."""
        found = self._zones.get(zone_id)
        return None if found is None else found.week

    def revision(self, zone_id: int) -> str:
        """Of the zone's profile, or ``none``."""
        found = self._zones.get(zone_id)
        return NO_PROFILE if found is None else found.revision

    def with_(self, zone: ZoneProfile) -> Profile:
        """These and ``zone``, which replaces the one of its zone."""
        return Profile([*self._zones.values(), zone])

    def without(self, zone_id: int) -> Profile:
        """These but the one of a zone, if there is one."""
        return Profile(zone for zone in self._zones.values() if zone.zone_id != zone_id)

    def __iter__(self) -> Iterator[ZoneProfile]:
        """In order of zone."""
        return (self._zones[zone_id] for zone_id in sorted(self._zones))

    def __len__(self) -> int:
        return len(self._zones)


def _problem(where: tuple[Any, ...], what: str) -> str:
    return f"{'.'.join(map(str, where))}: {what}" if where else what
