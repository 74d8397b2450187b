"""Defines `UserError`, whose message is shown to the user, and shortens other error messages."""


class UserError(Exception):
    """An error that the user can fix; its message names the cause and what to do.

    Commands print it on stderr and exit with 1; the Space shows it to the visitor.
    """


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message; some clients add paragraphs of advice."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
