"""The versions of one subject in a Confluent-compatible schema registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Seconds for one answer; the client by itself would wait for ever.
ANSWER_SECONDS = 5.0


class RegistryUnavailableError(Exception):
    """The registry did not answer, or answered that it cannot now."""


class SubjectReader:
    """All schemas ever registered under a subject, by id; each version is fetched once.

    Versions that were deleted since are included: their messages are still in the topic.

    Args:
        config: of confluent-kafka's SchemaRegistryClient.
        subject: for example ``trips.started.v1-value``.
    """

    def __init__(self, config: Mapping[str, str], subject: str) -> None:
        self._config = dict(config)
        self.subject = subject
        self._client: Any = None
        self._versions: dict[int, tuple[int, str]] = {}

    def __repr__(self) -> str:
        return f"SubjectReader({self.subject!r})"  # the configuration may hold a password

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None}

    def __call__(self) -> dict[int, str]:
        """Schemas by id; empty when there is no such subject.

        Raises:
            RegistryUnavailableError: another try may succeed.
            SchemaRegistryError: the registry refuses to answer.
        """
        from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

        if self._client is None:
            # Trying again is the caller's: it knows how long it may wait.
            self._client = SchemaRegistryClient({"timeout": ANSWER_SECONDS, **self._config, "max.retries": 0})
        try:
            for version in self._client.get_versions(self.subject, deleted=True):
                if version not in self._versions:
                    registered = self._client.get_version(self.subject, version, deleted=True)
                    self._versions[version] = registered.schema_id, registered.schema.schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                return {}
            if error.http_status_code in (408, 425, 429) or error.http_status_code >= 500:
                raise RegistryUnavailableError(f"HTTP status {error.http_status_code}") from error
            raise
        except Exception as error:  # no connection, no answer in time, no JSON: whatever the client's HTTP library says
            raise RegistryUnavailableError(type(error).__name__) from error
        return dict(self._versions.values())
