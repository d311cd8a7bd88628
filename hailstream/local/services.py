"""The services of the stack, in the order they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from hailstream.errors import HailstreamError
from hailstream.local import clickhouse, flink, kafka, redis, registry
from hailstream.local.server import Service

SERVICES: tuple[Service, ...] = (
    kafka.SERVICE,
    registry.SERVICE,
    redis.SERVICE,
    clickhouse.SERVICE,
    flink.SERVICE,
)


def select(names: Sequence[str] | None) -> tuple[Service, ...]:
    """The services called ``names``; all of them for None.

    Raises:
        HailstreamError: there is no service of that name.
    """
    if names is None:
        return SERVICES
    known = [service.name for service in SERVICES]
    for name in names:
        if name not in known:
            raise HailstreamError(f"no service {name!r}", hint=f"the services are {', '.join(known)}", exit_code=2)
    return tuple(service for service in SERVICES if service.name in names)
