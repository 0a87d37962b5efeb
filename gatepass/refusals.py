"""What the command itself refuses."""


class CommandError(Exception):
    """The command cannot do what it was asked. The message names the thing, what is wrong, and what to do."""
