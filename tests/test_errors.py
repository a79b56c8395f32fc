"""Why a server could not be reached, in words."""

import socket
import ssl

import pytest

from bot.errors import why_unreachable


class SqlError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


class WrappingError(Exception):
    """As aiohttp (``os_error``) and SQLAlchemy (``orig``) wrap what happened."""

    def __init__(self, **inner: BaseException) -> None:
        vars(self).update(inner)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "refused"), "nothing listens there"),
        (WrappingError(os_error=socket.gaierror(-2, "unknown")), "its name is not known"),
        (WrappingError(orig=WrappingError(orig=SqlError("3D000"))), "there is no database of that name"),
        (SqlError("28P01"), "the password is wrong or missing"),
        (ssl.SSLCertVerificationError("self-signed"), "the encryption failed"),
        (TimeoutError(), "no answer in time"),
        (LookupError("postgresql://user:password@host"), "LookupError"),
    ],
)
def test_a_cause_is_told_in_words(error, words):
    assert why_unreachable(error) == words


def test_what_was_raised_from_something_is_looked_into():
    error = LookupError()
    error.__cause__ = SqlError("28000")
    assert why_unreachable(error) == "that user may not log in there"
