"""The schemas that messages were written with, by registry id."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from hailstream.errors import HailstreamError
from hailstream.loader.avro_block import BlockSchema
from hailstream.schemas import schema_from
from hailstream.settings import Settings

# After this an id that the registry did not know is asked for again.
UNKNOWN_SECONDS = 30.0


class RegistryAway(Exception):
    """The registry cannot be asked now; the same messages are to be decoded again."""


@dataclass(frozen=True)
class Writer:
    """A schema some message was written with.

    Attributes:
        parsed: for fastavro.
        block: for reading many messages at once; None when it has a type that needs one at a time.
    """

    parsed: Any
    block: BlockSchema | None

    @classmethod
    def of(cls, definition: dict[str, Any]) -> Writer:
        """The writer schema of an Avro record definition.

        Raises:
            HailstreamError: it is no record schema.
        """
        schema = schema_from(definition, "by id")
        return cls(schema.parsed, BlockSchema.of(schema.definition))


class RegistryWriters:
    """Writer schemas from the registry, each asked for once.

    A schema that is known needs the registry never again.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = SchemaRegistryClient(settings.registry_config() | {"timeout": 5, "max.retries": 0})
        self._clock = clock
        self._known: dict[int, Writer] = {}
        self._unknown: dict[int, float] = {}

    def __call__(self, schema_id: int) -> Writer | None:
        """The schema of an id, None when the registry has none that can be used.

        Raises:
            RegistryAway: it does not answer, or answers with a failure of its own.
            HailstreamError: it refused the credentials.
        """
        if schema_id in self._known:
            return self._known[schema_id]
        if self._unknown.get(schema_id, -UNKNOWN_SECONDS) > self._clock() - UNKNOWN_SECONDS:
            return None
        writer = self._ask(schema_id)
        if writer is None:
            self._unknown[schema_id] = self._clock()
        else:
            self._known[schema_id] = writer
        return writer

    def _ask(self, schema_id: int) -> Writer | None:
        try:
            text = self._client.get_schema(schema_id).schema_str
            return Writer.of(json.loads(text or ""))
        except SchemaRegistryError as error:
            if error.http_status_code in (401, 403):
                raise HailstreamError(
                    f"the schema registry refuses the credentials ({error.http_status_code})",
                    hint="set HAILSTREAM_REGISTRY_USERNAME and HAILSTREAM_REGISTRY_PASSWORD",
                ) from None
            # An id above 2^31 is a bad request to some registries.
            if 400 <= error.http_status_code < 500 and error.http_status_code != 429:
                return None
            raise RegistryAway(str(error)) from error
        except (HailstreamError, ValueError):
            return None
        except Exception as error:  # transport errors of whichever HTTP library the client uses
            raise RegistryAway(f"{type(error).__name__}: {error}") from error
