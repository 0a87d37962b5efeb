"""Reads a mapping from YAML or JSON, and names every fault by its key."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

MAX_COUNT: Final = 10**12


class MappingReader:
    """Collects faults instead of stopping at the first. Each check returns a value to go on with."""

    def __init__(self, strict: bool = True) -> None:
        """`strict`: whether an unknown key is a fault. In a file it is a typing error; in a stored document it may come
        from a later version that has been rolled back.
        """
        self.strict = strict
        self.faults: dict[str, str] = {}
        """What is wrong, by the path of each key (`plans.pro.price`)."""

    def known(self, data: Mapping[Any, Any], prefix: str, keys: tuple[str, ...]) -> None:
        """All keys must be among `keys`."""
        for key in data if self.strict else ():
            if key not in keys:
                self.faults[f"{prefix}{key}"] = f"is not a setting; known are {', '.join(keys)}"

    def count(self, value: object, path: str, most: int = MAX_COUNT) -> int:
        """A whole number from 1 to `most`."""
        # bool is an int in Python, and YAML's `yes` is a bool.
        if type(value) is not int or not 1 <= value <= most:
            self.faults[path] = f"must be a whole number from 1 to {most}"
            return 1
        return value

    def up_to(self, data: Mapping[Any, Any], key: str, most: int, default: int) -> int:
        """A whole number from 0 to `most`."""
        value = data.get(key, default)
        if type(value) is not int or not 0 <= value <= most:
            self.faults[key] = f"must be a whole number from 0 to {most}"
            return default
        return value

    def text(self, data: Mapping[Any, Any], key: str, default: str | None = None) -> str:
        """A string that is not empty; without a default it is required."""
        value = data.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.faults[key] = "is missing" if key not in data else "must be a non-empty string"
            return ""
        return value

    def pattern(self, data: Mapping[Any, Any], key: str, pattern: re.Pattern[str], expected: str) -> str:
        """A required string that matches the pattern."""
        value = self.text(data, key)
        if value and not pattern.fullmatch(value):
            self.faults[key] = f"must be {expected}"
            return ""
        return value

    def choice(self, data: Mapping[Any, Any], key: str, choices: tuple[str, ...], default: str | None) -> str:
        """One of the choices."""
        value = data.get(key, default)
        if value not in choices or not isinstance(value, str):
            self.faults[key] = f"must be one of {', '.join(choices)}"
            return ""
        return value

    def flag(self, data: Mapping[Any, Any], key: str) -> bool:
        """True or false, by default false."""
        value = data.get(key, False)
        if type(value) is not bool:
            self.faults[key] = "must be true or false"
        return value is True

    def url(self, value: object, path: str) -> str:
        """An absolute URL, percent-encoded."""
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            local = parts is not None and parts.port != 0 and parts.hostname in ("localhost", "127.0.0.1", "::1")
        except ValueError:
            parts, local = None, False
        if not isinstance(value, str) or parts is None or not parts.hostname or parts.username is not None:
            self.faults[path] = "must be an absolute URL such as https://example.com/"
        elif parts.scheme != "https" and not (parts.scheme == "http" and local):
            self.faults[path] = "must begin with https:// (http:// only for this machine)"
        else:
            # API Gateway's templates escape nothing: a URL goes out in ASCII, percent-encoded.
            return quote(value, safe="%/:?#[]@!$&()*+,;=-._~")
        return ""
