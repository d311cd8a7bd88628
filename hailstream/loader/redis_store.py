"""What both Redis sinks share: connection, positions beside the values, one script a write."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hailstream.errors import HailstreamError
from hailstream.loader.contract import Opened, Rows, SinkAway
from hailstream.loader.version import MAX_EPOCH
from hailstream.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0

# Another incarnation of a topic gets the next epoch; see hailstream.loader.version.
_EPOCH = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then
  redis.call('HSET', KEYS[1], ARGV[1], '0 ' .. ARGV[2])
  return 0
end
local epoch, id = string.match(held, '^(%d+) (.*)$')
if id == ARGV[2] then
  return tonumber(epoch)
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d ', epoch + 1) .. ARGV[2])
return epoch + 1
"""


def connect(settings: Settings) -> redis.Redis:
    """A client of the configured server; the connection is made by the first command.

    Raises:
        HailstreamError: the address makes no sense.
    """
    tls = {"ssl_ca_certs": str(settings.redis_ca_file)} if settings.redis_ca_file else {}
    try:
        return redis.Redis.from_url(
            settings.redis_address,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # The loader repeats what failed, and must know that it failed.
            retry=Retry(NoBackoff(), 0),
            **tls,
        )
    except ValueError as error:
        # Not the address: it may hold a password.
        raise HailstreamError(f"HAILSTREAM_REDIS_URL: {error}", hint="e.g. rediss://host:6380/0", exit_code=2) from None


class RedisStore:
    """A Redis server that keeps a loader's positions beside the values it writes.

    One server, not a Redis Cluster: a script touches the keys of many zones.

    Args:
        name: of the loader; each has positions of its own.
        script: file beside this one, run after ``redis_positions.lua``.
    """

    def __init__(self, settings: Settings, name: str, script: str) -> None:
        folder = Path(__file__).parent
        text = (folder / "redis_positions.lua").read_text() + (folder / script).read_text()
        self._client = connect(settings)
        self._script = self._client.register_script(text)
        self._epoch = self._client.register_script(_EPOCH)
        self._positions_key = f"{settings.redis_prefix}loader:positions:{name}"
        self._epochs_key = f"{settings.redis_prefix}loader:epochs"
        self._held: dict[str, str] = {}

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        """Epochs of the topics and the positions that Redis has for these incarnations of them."""
        with self._server():
            epochs = {
                name: int(self._epoch(keys=[self._epochs_key], args=[name, topic_id]))
                for name, topic_id in topic_ids.items()
            }
            self._held = cast(dict[str, str], self._client.hgetall(self._positions_key))
        for name, epoch in epochs.items():
            if epoch > MAX_EPOCH:
                raise HailstreamError(
                    f"topic {name} was deleted and made anew more than {MAX_EPOCH} times",
                    hint=f"delete the namespace's keys in Redis, {self._epochs_key} among them",
                )
        positions = {}
        for field, value in self._held.items():
            (name, partition), (topic_id, offset) = field.rsplit(" ", 1), value.rsplit(" ", 1)
            if topic_ids.get(name) == topic_id:
                positions[name, int(partition)] = int(offset)
        return Opened(epochs, positions)

    def run(self, rows: Rows, keys: Sequence[str], args: Sequence[str | int]) -> None:
        """Runs the script with the rows' positions before its own keys and arguments.

        Raises:
            SinkAway: no answer, or Redis no longer stands where this loader left it.
        """
        moves = {f"{rows.name} {r.partition}": f"{rows.state.topic_id} {r.last + 1}" for r in rows.ranges}
        fields = [part for field, new in moves.items() for part in (field, self._held.get(field, ""), new)]
        with self._server():
            answer = self._script(keys=[self._positions_key, *keys], args=[len(moves), *fields, *args])
        if answer[0] == "moved":
            raise SinkAway(f"Redis has lost what was written last, or another loader writes ({answer[1]})")
        self._held |= moves

    def close(self) -> None:
        self._client.close()

    @contextlib.contextmanager
    def _server(self) -> Iterator[None]:
        try:
            yield
        except redis.AuthenticationError as error:
            raise HailstreamError(
                f"Redis refused the credentials: {error}", hint="they are part of HAILSTREAM_REDIS_URL"
            ) from None
        except (redis.RedisError, OSError) as error:
            raise SinkAway(f"Redis cannot take values: {error}") from error
