"""ClickHouse exceptions: from the engine's text, to the wire and its HTTP status."""

from __future__ import annotations

import re
from typing import Final

_PREFIX = re.compile(r"Code: (\d+)\. DB::(?:Network)?Exception: ")
_SUFFIX = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\s*$")
# Where the data of an insert was kept is no business of who sent it.
_SPOOL = re.compile(
    r": \(in file/uri /(?:proc/self|dev)/fd/\d+\)|: While executing File: data for INSERT was parsed from file"
)
_NAME = re.compile(r"\.?\s*\(([A-Z][A-Z0-9_]+)\)\s*$")


def _named(status: int, names: str) -> dict[str, int]:
    return dict.fromkeys(names.split(), status)


# The table of the server (exceptionCodeToHTTPStatus); whatever it does not name is 500.
_STATUS: Final = {
    **_named(400, "BAD_ARGUMENTS CANNOT_COMPILE_REGEXP DUPLICATE_COLUMN ILLEGAL_COLUMN THERE_IS_NO_COLUMN"),
    **_named(400, "CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE"),
    **_named(400, "CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_UUID"),
    **_named(400, "CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED INCORRECT_DATA"),
    **_named(400, "UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE"),
    **_named(400, "SYNTAX_ERROR TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE"),
    **_named(401, "REQUIRED_PASSWORD"),
    **_named(403, "UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED"),
    **_named(404, "UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE"),
    **_named(404, "UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT"),
    **_named(404, "UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE"),
    **_named(408, "TIMEOUT_EXCEEDED"),
    **_named(411, "HTTP_LENGTH_REQUIRED"),
    **_named(413, "QUERY_IS_TOO_LARGE"),
    **_named(415, "UNSUPPORTED_MEDIA_TYPE"),
    **_named(501, "NOT_IMPLEMENTED"),
    **_named(503, "SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK"),
}


class ClickHouseError(Exception):
    """An exception as a ClickHouse server would answer it.

    Args:
        code: ClickHouse's number of the error.
        name: its symbolic name, which also decides the HTTP status.
        text: what is wrong, without code, name and version.
    """

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.name = name
        self.text = text

    @property
    def status(self) -> int:
        return _STATUS.get(self.name, 500)

    def wire(self, version: str) -> str:
        """The line a server sends as the body."""
        return f"Code: {self.code}. DB::Exception: {self.text.rstrip('.')}. ({self.name}) (version {version})\n"


def from_engine(error: BaseException) -> ClickHouseError:
    """The engine's exception; wrapped ones are reduced to the innermost message.

    A text without a code (a failure below the SQL layer) becomes STD_EXCEPTION.
    """
    text = _SPOOL.sub("", str(error).strip())
    prefixes = list(_PREFIX.finditer(text))
    if not prefixes:
        return ClickHouseError(1001, "STD_EXCEPTION", text or type(error).__name__)
    # Only a run of prefixes at the front is wrapping; later ones are part of the message.
    last = prefixes[0]
    for following in prefixes[1:]:
        if following.start() != last.end():
            break
        last = following
    text, name = text[last.end() :], "UNKNOWN_EXCEPTION"
    while True:
        text = _SUFFIX.sub("", text)
        if (found := _NAME.search(text)) is None:
            return ClickHouseError(int(last[1]), name, text.rstrip())
        name, text = found[1], text[: found.start()]


def not_implemented(what: str) -> ClickHouseError:
    return ClickHouseError(48, "NOT_IMPLEMENTED", what)


def bad_arguments(what: str) -> ClickHouseError:
    return ClickHouseError(36, "BAD_ARGUMENTS", what)
