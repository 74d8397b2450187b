"""The one exception a user is meant to read."""


class UserError(Exception):
    """Something the user can mend: one clear sentence that says what was wrong and what to do.

    `train_hub.py` prints it on stderr and exits with 1; the Space shows it to the visitor.
    """
