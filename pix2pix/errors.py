"""The one exception a user is meant to read, and others in one line."""


class UserError(Exception):
    """Something the user can mend: one clear sentence that says what was wrong and what to do.

    `train_hub.py` prints it on stderr and exits with 1; the Space shows it to the visitor.
    """


def first_line(error: BaseException) -> str:
    """What an error says, without the explanations that some clients add in further lines."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
