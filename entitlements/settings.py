"""Required settings: a function without one does not start, and the error names it."""

from collections.abc import Mapping


class MissingSetting(RuntimeError):
    """A setting is missing or cannot be used; the message names it and says what to give."""


def required(environment: Mapping[str, str], name: str, what: str) -> str:
    """A variable's value; raises `MissingSetting` if it is unset or empty, since `sam local` passes empty ones."""
    value = environment.get(name)
    if not value:
        raise MissingSetting(f"{name} is not set: set it to {what}")
    return value
