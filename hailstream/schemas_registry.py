"""Schemas in the registry: one subject a topic, BACKWARD compatibility on each.

A registry that is away is waited for with back-off, and said so; a registry
that answers "no" (credentials, an incompatible schema) is an error at once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, stop_never, wait_exponential

from hailstream.errors import HailstreamError
from hailstream.schemas import AvroSchema, canonical_text, load_schema
from hailstream.schemas_evolution import incompatibilities, require_backward_compatible
from hailstream.settings import Settings
from hailstream.topics import ALL_TOPICS, Topic

log = logging.getLogger(__name__)
T = TypeVar("T")
Say = Callable[[str], None]

COMPATIBILITY = "BACKWARD"
REQUEST_TIMEOUT = 10.0  # seconds
_NOT_FOUND, _CONFLICT, _UNPROCESSABLE = 404, 409, 422


@dataclass(frozen=True)
class SubjectDiff:
    """How the registry's newest schema of a subject stands to the local file.

    Attributes:
        state: ``equal``, ``changed``, or ``absent`` (the subject has no schema).
        version: the registry's newest version; None when absent.
        details: for ``changed``, what differs.
    """

    subject: str
    state: Literal["equal", "changed", "absent"]
    version: int | None = None
    details: tuple[str, ...] = ()


class Registry:
    """The schema registry of the settings.

    Args:
        wait: seconds to wait for a registry that is away; None waits for ever.
        say: told once when the registry is away and once when it is back.
    """

    def __init__(self, settings: Settings, *, wait: float | None = None, say: Say = log.warning) -> None:
        self._address = settings.registry_address
        self._namespace = settings.namespace
        # Retries are ours: the client's own are silent and also wait on a plain "no".
        self._client = SchemaRegistryClient(settings.registry_config() | {"timeout": REQUEST_TIMEOUT, "max.retries": 0})
        self._wait = wait
        self._say = say

    def register(self, topic: Topic, schema: AvroSchema | None = None) -> int:
        """Make ``schema`` (default: the file's) the newest of the topic's subject; returns its id.

        Registering what is there already changes nothing and gives the same id.

        Raises:
            HailstreamError: readers of it could not read the newest schema there; names the field.
        """
        schema = schema or load_schema(topic)
        subject = topic.subject(self._namespace)
        self._call(lambda: self._client.set_compatibility(subject, COMPATIBILITY))
        try:
            return int(self._call(lambda: self._client.register_schema(subject, Schema(schema.text, "AVRO"))))
        except SchemaRegistryError as error:
            if error.http_status_code not in (_CONFLICT, _UNPROCESSABLE):
                raise self._failure(error) from error
            raise self._refusal(topic, schema, error) from error

    def latest(self, topic: Topic) -> tuple[int, int, AvroSchema] | None:
        """Id, version and schema that are newest in the topic's subject; None when there is none."""
        try:
            found = self._call(lambda: self._fresh_latest(topic.subject(self._namespace)))
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                return None
            raise self._failure(error) from error
        return found

    def versions(self, topic: Topic) -> dict[int, str]:
        """Id and text of every schema of the topic's subject; empty when there is none."""
        subject = topic.subject(self._namespace)
        try:
            numbers = self._call(lambda: self._client.get_versions(subject))
            found = [self._call(lambda n=n: self._client.get_version(subject, n)) for n in numbers]  # type: ignore[misc]
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                return {}
            raise self._failure(error) from error
        return {version.schema_id: version.schema.schema_str for version in found}

    def diff(self, topic: Topic) -> SubjectDiff:
        """The local file of the topic against the registry's newest schema."""
        subject, local = topic.subject(self._namespace), load_schema(topic)
        newest = self.latest(topic)
        if newest is None:
            return SubjectDiff(subject, "absent")
        _, version, remote = newest
        if remote.definition == local.definition:
            return SubjectDiff(subject, "equal", version)
        return SubjectDiff(subject, "changed", version, tuple(describe_changes(local, remote)))

    def _fresh_latest(self, subject: str) -> tuple[int, int, AvroSchema]:
        self._client.clear_latest_caches()
        newest = self._client.get_latest_version(subject)
        return (
            newest.schema_id,
            newest.version,
            AvroSchema(subject, canonical_text(json.loads(newest.schema.schema_str))),
        )

    def _refusal(self, topic: Topic, schema: AvroSchema, error: SchemaRegistryError) -> HailstreamError:
        what = f"the registry refuses {topic.subject(self._namespace)} ({error.http_status_code})"
        newest = self.latest(topic)
        if newest is not None:
            try:
                require_backward_compatible(schema, newest[2])
            except HailstreamError as named:  # it names the field, which the registry's answer may not
                return HailstreamError(f"{what}: {named.message}", hint=named.hint)
        return HailstreamError(f"{what}: {error.error_message}")

    def _failure(self, error: SchemaRegistryError) -> HailstreamError:
        return HailstreamError(
            f"schema registry {self._address}: {error.error_message} (status {error.http_status_code})",
            hint="check HAILSTREAM_REGISTRY_URL, HAILSTREAM_REGISTRY_USERNAME and _PASSWORD",
        )

    def _call(self, request: Callable[[], T]) -> T:
        """The answer to a request, however long the registry is away.

        Raises:
            SchemaRegistryError: it answered "no".
            HailstreamError: it was away for the whole of ``wait``.
        """
        away = False

        def tell(state: RetryCallState) -> None:
            nonlocal away
            if not away:
                self._say(f"schema registry {self._address} is away ({_reason(state)}): waiting for it")
            away = True

        retrying = Retrying(
            retry=retry_if_exception(_is_away),
            wait=wait_exponential(multiplier=0.25, max=5),
            stop=stop_never if self._wait is None else stop_after_delay(self._wait),
            before_sleep=tell,
            reraise=True,
        )
        try:
            answer = retrying(request)
        except Exception as error:
            if not _is_away(error):
                raise
            raise HailstreamError(
                f"schema registry {self._address} did not answer within {self._wait:g} s: {error}",
                hint="`hailstream status` shows whether the embedded one runs; `hailstream logs registry` what it says",
            ) from error
        if away:
            self._say(f"schema registry {self._address} is back")
        return answer


def register_schemas(
    settings: Settings, topics: Iterable[Topic] = ALL_TOPICS, *, wait: float | None = None, say: Say = log.warning
) -> dict[Topic, int]:
    """Register the schema files of the topics in the settings' namespace; their ids."""
    registry = Registry(settings, wait=wait, say=say)
    return {topic: registry.register(topic) for topic in topics}


def known_writer_schemas(
    topic: Topic, settings: Settings, *, wait: float | None = None, say: Say = log.warning
) -> dict[int, str]:
    """Texts of all schemas that messages of the topic may be written with, by id."""
    return Registry(settings, wait=wait, say=say).versions(topic)


def describe_changes(new: AvroSchema, old: AvroSchema) -> list[str]:
    """The differences of two record schemas, one a line, incompatible ones last."""
    fields = {f["name"]: f for f in new.definition["fields"]}
    before = {f["name"]: f for f in old.definition["fields"]}
    lines = [f"+ {name}" for name in fields if name not in before]
    lines += [f"- {name}" for name in before if name not in fields]
    for name in fields.keys() & before.keys():
        lines += [
            f"~ {name}: {key} {before[name].get(key)!r} -> {fields[name].get(key)!r}"
            for key in ("type", "default", "doc", "aliases")
            if before[name].get(key) != fields[name].get(key)
        ]
    return sorted(lines) + [f"incompatible: {problem}" for problem in incompatibilities(new, old)]


def _is_away(error: BaseException) -> bool:
    if isinstance(error, SchemaRegistryError):
        return error.http_status_code in (429, 502, 503, 504)
    # The client brings httpx or its successor, whichever is installed: the class is known by its name.
    return isinstance(error, ConnectionError) or any(base.__name__ == "TransportError" for base in type(error).__mro__)


def _reason(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return str(error) or type(error).__name__
