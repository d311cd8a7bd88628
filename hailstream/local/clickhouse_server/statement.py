"""What the protocol must know of a statement before the engine sees it.

A lexer, not a parser: where an INSERT ends and its data begins, which FORMAT
a result was asked for, whether a file would be written. The engine judges
everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hailstream.local.clickhouse_server.errors import ClickHouseError

_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[\ !][^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<quoted>'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z)|`(?:[^`\\]|\\.|``)*(?:`|\Z)
        |\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<other>\d+\w*|.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Insert:
    """An INSERT that carries data: ``head`` is the statement up to SETTINGS, FORMAT or VALUES, whichever is first."""

    head: bytes
    format: str
    data_start: int = 0
    settings: bytes = b""

    def reading(self, file: bytes) -> bytes:
        """The statement with its data in ``file``, an SQL string, which is never decompressed by its name."""
        source = b"FROM INFILE " + file + b" COMPRESSION 'none'"
        return b"\n".join((self.head, source, self.settings, b"FORMAT " + self.format.encode()))


@dataclass(frozen=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def keyword(self) -> bytes:
        return self.text.upper() if self.kind == "word" else b""


def _tokens(sql: bytes) -> Iterator[_Token]:
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "quoted"
        if kind == "skip" or kind is None:
            continue
        text = match[0]
        if text in (b")", b"]", b"}"):
            depth -= 1
        yield _Token(kind, text, match.start(), match.end(), depth)
        if text in (b"(", b"[", b"{"):
            depth += 1


def is_empty(sql: bytes) -> bool:
    """Whether there is nothing but blanks and comments."""
    return next(_tokens(sql), None) is None


def first_keyword(sql: bytes) -> bytes:
    """The first word in upper case, opening brackets skipped; empty if there is none."""
    for token in _tokens(sql):
        if token.text != b"(":
            return token.keyword
    return b""


def find_insert(sql: bytes) -> Insert | None:
    """The INSERT at the front of ``sql`` if data follows it, else None.

    ``sql`` may be cut anywhere behind the FORMAT name or VALUES.

    Raises:
        ClickHouseError: the statement reads a file of the client, or inserts
            from ``input()``, which the engine cannot feed.
    """
    before = b""
    tokens = _tokens(sql)
    uses_input = False
    settings: int | None = None

    def found(end: int, form: str, data_start: int) -> Insert:
        split = end if settings is None else settings
        return Insert(sql[:split], form, data_start, sql[split:end])

    for token in tokens:
        if not before and token.keyword != b"INSERT":
            return None
        at_name = before in (b"INTO", b"TABLE", b"FUNCTION", b".")
        if token.depth == 0 and not at_name:
            if token.keyword == b"FORMAT":
                name = next(tokens, None)
                if name is not None and name.kind == "word" and not (uses_input and name.keyword == b"VALUES"):
                    if uses_input:
                        raise ClickHouseError(48, "NOT_IMPLEMENTED", "INSERT ... SELECT FROM input() is not supported")
                    return found(token.start, name.text.decode(), _data_start(sql, name.end))
            elif token.keyword == b"VALUES" and not uses_input:
                return found(token.start, "Values", token.end)
            elif token.keyword == b"SETTINGS" and settings is None:
                settings = token.start
            elif token.keyword == b"INFILE" and before == b"FROM":
                raise ClickHouseError(78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was send directly to server")
            elif token.keyword in (b"SELECT", b"WITH"):
                if not _reads_input(sql[token.start :]):
                    return None
                uses_input = True
        before = token.keyword or token.text
    return None


def _reads_input(select: bytes) -> bool:
    previous = b""
    for token in _tokens(select):
        if token.text == b"(" and previous == b"INPUT":
            return True
        previous = token.keyword
    return False


def _data_start(sql: bytes, end: int) -> int:
    """Blanks and one line break behind the FORMAT name are not data."""
    while sql[end : end + 1] in (b" ", b"\t", b"\f"):
        end += 1
    if sql[end : end + 1] == b"\r":
        end += 1
    return end + 1 if sql[end : end + 1] == b"\n" else end


def result_format(sql: bytes) -> str | None:
    """The FORMAT clause at the end of a query, if it has one.

    Raises:
        ClickHouseError: the result is to go INTO OUTFILE, which only a client does.
    """
    found: str | None = None
    tokens = list(_tokens(sql))
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if before is None or token.depth != 0:
            continue
        if token.keyword == b"OUTFILE" and before.keyword == b"INTO":
            raise ClickHouseError(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
        if (
            before.keyword == b"FORMAT"
            and token.kind == "word"
            and (after is None or after.text == b";" or after.keyword in (b"SETTINGS", b"INTO"))
        ):
            found = token.text.decode()
    return found
