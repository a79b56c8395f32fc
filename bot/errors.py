"""Errors that a person reads: one sentence that says what happened and what to do."""


class StanguardError(Exception):
    """An expected failure; ``str(error)`` is the whole sentence shown to the person.

    Never holds a token, picture bytes or the text of a member's message.
    """


class ConfigError(StanguardError):
    """The configuration cannot be used."""


class DatabaseError(StanguardError):
    """The database cannot be reached, is of another version, or refused a change."""


class NotFoundError(StanguardError):
    """Something named by a person (an entry, a case, a bank) does not exist here."""


class NotAllowedError(StanguardError):
    """The person may not do this, or not now."""


class StaleCaseError(StanguardError):
    """Somebody else changed the case first; the sentence says who and when."""


class RefusedError(StanguardError):
    """A picture or an entry was refused, for example because it is too plain to match safely."""
