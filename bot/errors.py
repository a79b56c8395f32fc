"""Errors that a person reads: one sentence that says what happened and what to do."""

import socket
import ssl


class StanguardError(Exception):
    """An expected failure; ``str(error)`` is the whole sentence in English.

    ``values`` fill the ``{names}`` of the sentence, and are kept apart from it so that whoever shows it can say it in
    the language of whom it is shown to. Never holds a token, picture bytes or the text of a member's message.
    """

    def __init__(self, sentence: str = "", /, **values: object) -> None:
        super().__init__(sentence.format(**values) if values else sentence)
        self.sentence = sentence
        self.values = values


class ConfigError(StanguardError):
    """The configuration cannot be used."""


class DatabaseError(StanguardError):
    """The database cannot be reached, is of another version, or refused a change."""


class DatabaseAwayError(DatabaseError):
    """The database does not work at the moment: not reachable, locked, full or not writable. It may work again."""


class DamagedDatabaseError(DatabaseError):
    """The database file is damaged: nothing that is read from it can be trusted, and writing would damage it more."""


class NotFoundError(StanguardError):
    """Something named by a person (an entry, a case, a bank) does not exist here."""


class NotAllowedError(StanguardError):
    """The person may not do this, or not now."""


class StaleCaseError(StanguardError):
    """Somebody else changed the case first; the sentence says who and when."""


class RefusedError(StanguardError):
    """A picture or an entry was refused, for example because it is too plain to match safely."""


_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "nothing listens there"),
    (socket.gaierror, "its name is not known"),
    (ssl.SSLError, "the encryption failed"),
    (TimeoutError, "no answer in time"),
    (ConnectionError, "the connection broke"),
)
_SQL_STATES = {
    "28P01": "the password is wrong or missing",
    "28000": "that user may not log in there",
    "3D000": "there is no database of that name",
    "53300": "too many are connected already",
    "57P03": "the server is starting or stopping",
}
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def why_unreachable(error: BaseException) -> str:
    """Why a server could not be reached, in words: what libraries wrap is unwrapped. Never holds an address."""
    wrapped: BaseException | None = error
    for _ in range(6):
        if wrapped is None:
            break
        state = getattr(wrapped, "sqlstate", None)
        if state in _SQL_STATES:
            return _SQL_STATES[state]
        for kind, words in _CAUSES:
            if isinstance(wrapped, kind):
                return words
        inner = getattr(wrapped, "os_error", None) or getattr(wrapped, "orig", None) or wrapped.__cause__
        wrapped = inner if isinstance(inner, BaseException) else None
    return type(error).__name__
