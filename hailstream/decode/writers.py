"""The schemas that a topic's messages were written with, by id."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from hailstream.decode import reasons
from hailstream.decode.avro import Schema, UnsupportedSchemaError
from hailstream.decode.registry import RegistryUnavailableError, SubjectReader

logger = logging.getLogger(__name__)

#: Ids further than this beyond the largest known one are far.
_NEAR = 1_000_000

#: Gives all schemas of the topic's subject, by id; asks the registry only for versions it has not met.
#: Raises RegistryUnavailableError when another try may succeed, anything else when not.
Refresh: TypeAlias = Callable[[], Mapping[int, str]]


class WriterSchemas:
    """Schemas by id. A known one never needs the registry; ids of other subjects are unknown.

    An unknown id may be garbage in a broken message, or a schema registered a
    moment ago. A schema is registered before its first message is produced, so
    one look at the subject *after* the message was seen decides, for all unknown
    ids of a batch together. The answer "unknown" is not remembered, since the
    same id may be registered later. Registries count their ids, so one far
    beyond all known ones is almost surely garbage: for such ids alone the
    subject is looked at every ``far_ask_after`` seconds and no oftener. So
    garbage costs at most one small request a batch, and mostly none.

    While the registry is away, the first batch with an unknown id waits for it
    with back-off, up to ``give_up_after`` seconds. Then unknown ids are rejected
    as ``schema_unavailable`` at once, and the registry is asked again, once, every
    ``ask_again_after`` seconds. So garbage cannot stall a job for the length of an
    outage; the price is that messages of a schema registered just before or
    during a long outage go to the dead letters, with their bytes, and must be
    played again from there.

    Args:
        known: schemas as JSON or as text; put them into the job when it starts.
        refresh: asks the registry; None: only ``known`` is known.
        give_up_after, ask_again_after, far_ask_after: seconds.
        clock, sleep: seconds, monotonic.
    """

    def __init__(
        self,
        known: Mapping[int, Schema | str],
        refresh: Refresh | None = None,
        *,
        give_up_after: float = 60.0,
        ask_again_after: float = 30.0,
        far_ask_after: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._schemas: dict[int, Schema | str] = dict(known)
        self._refresh = refresh
        self._give_up_after = give_up_after
        self._ask_again_after = ask_again_after
        self._far_ask_after = far_ask_after
        self._clock = clock
        self._sleep = sleep
        self._closed_until: float | None = None
        self._answered_at: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The clock of another process counts from elsewhere.
        return self.__dict__ | {"_closed_until": None, "_answered_at": None}

    def schema(self, schema_id: int) -> Schema:
        """The JSON of a schema that :meth:`resolve` has not refused.

        Raises:
            UnsupportedSchemaError: the registry gave no JSON.
        """
        schema = self._schemas[schema_id]
        if not isinstance(schema, str):
            return schema
        try:
            return json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise UnsupportedSchemaError(f"no Avro schema: {error}") from None

    def resolve(self, schema_ids: Iterable[int]) -> dict[int, str]:
        """Make the schemas of a batch known, as far as they can be: the others, with the reason."""
        unknown = [schema_id for schema_id in schema_ids if schema_id not in self._schemas]
        if not unknown:
            return {}
        asked = self._only_far(unknown) or self._ask()
        reason = reasons.UNKNOWN_SCHEMA if asked else reasons.SCHEMA_UNAVAILABLE
        return {schema_id: reason for schema_id in unknown if schema_id not in self._schemas}

    def _only_far(self, unknown: Sequence[int]) -> bool:
        """Whether the last answer is good enough for these ids."""
        if self._answered_at is None or self._clock() - self._answered_at >= self._far_ask_after:
            return False
        return min(unknown) > max(self._schemas, default=0) + _NEAR

    def _ask(self) -> bool:
        """Ask the registry for schemas that are new; whether it answered."""
        if self._refresh is None:
            return True
        began = self._clock()
        was_away = self._closed_until is not None
        if self._closed_until is not None and began < self._closed_until:
            return False

        def enough(_: RetryCallState) -> bool:
            return was_away or self._clock() - began >= self._give_up_after

        retrying = Retrying(
            stop=enough,
            wait=wait_exponential(multiplier=0.1, max=5.0),
            retry=retry_if_exception_type(RegistryUnavailableError),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            self._schemas.update(retrying(self._refresh))
        except Exception as error:
            if not was_away:
                logger.warning("schema registry: %s; unknown schema ids are rejected until it answers", error)
            self._closed_until = self._clock() + self._ask_again_after
            return False
        self._closed_until = None
        self._answered_at = began
        return True


def registry_refresher(config: Mapping[str, str], subject: str) -> Refresh:
    """A refresh that asks a Confluent-compatible registry for the versions of ``subject``.

    Can be pickled: the client is made at the first question.

    Args:
        config: of confluent-kafka's SchemaRegistryClient.
    """
    return SubjectReader(config, subject)
