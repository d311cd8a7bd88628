"""Where history can be read from."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """A view of ClickHouse with starts by zone: the stream's, or that of batch curate."""

    ZONE_COUNTS = "zone_counts"
    DEMAND_FEATURES = "demand_features"
