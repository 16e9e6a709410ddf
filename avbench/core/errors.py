"""The exceptions whose messages are meant for the user."""


class UserError(Exception):
    """Something the user can put right: a file, a clip, a key of the config.

    The message is one paragraph that names what is wrong, where, and what to do. The command line prints it
    without a traceback and exits with status 2; any other exception is a bug and keeps its traceback.
    """


class NothingToShowError(UserError):
    """Something that cannot be drawn or counted of what is there, which is no reason to stop: the message says why."""
