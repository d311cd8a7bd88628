"""One query as the protocol carries it: parameters, headers, body."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from urllib.parse import parse_qsl

from hailstream.local.clickhouse_server.compression import decoded
from hailstream.local.clickhouse_server.errors import ClickHouseError, bad_arguments, not_implemented
from hailstream.local.clickhouse_server.multipart import ExternalTable, external_tables, is_form, read_form
from hailstream.local.clickhouse_server.sessions import DEFAULT_TIMEOUT, MAX_TIMEOUT, SessionKey

# Bodies up to this size stay in memory, larger ones go to a temporary file.
SPOOL_BYTES = 32 << 20
_PIECE = 1 << 20

# Parameters of the protocol; every other one is a setting. Those that ask for
# something this server does all the same (progress in headers) or cannot act
# upon (buffers, quotas) are read and have no effect.
_PROTOCOL = frozenset({
    "query", "database", "default_format", "user", "password", "quota_key", "query_id", "role", "stacktrace",
    "session_id", "session_timeout", "session_check", "close_session", "compress", "decompress", "buffer_size",
    "wait_end_of_query", "client_protocol_version",
})  # fmt: skip
_TRUE = frozenset({"1", "true", "yes", "on"})


def parse_parameters(query_string: bytes) -> dict[str, str]:
    """URL parameters: parts of ``query`` are joined, of others the last counts; bytes that are no UTF-8 survive."""
    params: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        params[name] = params.get(name, "") + value if name == "query" else value
    return params


@dataclass
class Body:
    """A request body that has arrived in full, with its content encoding still on."""

    encoding: str = ""
    size: int = 0
    _file: SpooledTemporaryFile[bytes] = field(
        default_factory=lambda: SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115
    )

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)

    def pieces(self) -> Iterator[bytes]:
        """The decoded content in pieces; can be read once."""
        self._file.seek(0)
        return decoded(self.encoding, iter(lambda: self._file.read(_PIECE), b""))

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class QueryRequest:
    """A query and how it is to be run and answered."""

    query: bytes
    body: Body
    query_id: str
    database: str | None
    output: str | None
    params: dict[str, str]
    settings: dict[str, str]
    session: SessionKey | None
    accept_encoding: str
    read_only: bool
    whole_result_first: bool
    stop_with_client: bool
    tables: list[ExternalTable]


def read_request(method: str, url_params: Mapping[str, str], headers: Mapping[str, str], body: Body) -> QueryRequest:
    """The query in ``url_params``, ``headers`` (names in lower case) and ``body``.

    Raises:
        ClickHouseError: a parameter has a value it cannot have, or asks for
            what this server does not do.
    """
    params = dict(url_params)
    tables: list[ExternalTable] = []
    if is_form(content_type := headers.get("content-type", "")):
        fields, files = read_form(content_type, b"".join(body.pieces()))
        params |= fields
        tables = external_tables(files, params)
        body = Body()
    if params.get("role"):
        raise ClickHouseError(511, "UNKNOWN_ROLE", f"There is no role `{params['role']}` in user directories")
    for name in ("compress", "decompress"):
        if params.get(name) in _TRUE:
            raise not_implemented(
                f"{name}=1 (ClickHouse's own block compression) is not supported, use Content-Encoding"
            )
    settings = {n: v for n, v in params.items() if n not in _PROTOCOL and not n.startswith("param_")}
    session = _session(params)
    read_only = method in ("GET", "HEAD") or settings.get("readonly", "0") not in ("", "0")
    if session is not None:
        # Once set it cannot be taken back, and the session outlives the request: held by the statement's kind alone.
        settings.pop("readonly", None)
    accepts = headers.get("accept-encoding", "") if settings.get("enable_http_compression") in _TRUE else ""
    return QueryRequest(
        query=params.get("query", "").encode(errors="surrogateescape"),
        body=body,
        query_id=_printable(params.get("query_id") or headers.get("x-clickhouse-query-id") or str(uuid.uuid4())),
        database=params.get("database") or headers.get("x-clickhouse-database"),
        output=params.get("default_format") or headers.get("x-clickhouse-format"),
        params={n.removeprefix("param_"): v for n, v in params.items() if n.startswith("param_")},
        settings=settings,
        session=session,
        accept_encoding=accepts,
        read_only=read_only,
        whole_result_first=params.get("wait_end_of_query") in _TRUE or settings.get("http_wait_end_of_query") in _TRUE,
        stop_with_client=settings.get("cancel_http_readonly_queries_on_client_close") in _TRUE,
        tables=tables,
    )


def _printable(query_id: str) -> str:
    if not query_id.isascii() or not query_id.isprintable():
        raise bad_arguments("query_id must be printable ASCII, it is sent back in a header")
    return query_id


def _session(params: Mapping[str, str]) -> SessionKey | None:
    if not (name := params.get("session_id")):
        return None
    given = params.get("session_timeout", str(DEFAULT_TIMEOUT))
    if not given.isascii() or not given.isdigit():
        raise ClickHouseError(374, "INVALID_SESSION_TIMEOUT", f"Invalid session timeout: '{given}'")
    if int(given) > MAX_TIMEOUT:
        raise ClickHouseError(
            374,
            "INVALID_SESSION_TIMEOUT",
            f"Session timeout '{given}' is larger than max_session_timeout: {MAX_TIMEOUT}",
        )
    return SessionKey(name, int(given), params.get("session_check") in _TRUE, params.get("close_session") in _TRUE)
