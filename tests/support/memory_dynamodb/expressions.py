"""Conditions and updates as Python functions, each made once. Only what Gatepass sends: top-level attributes, and
strings, whole numbers and booleans. Anything else raises `Unsupported`, so a new kind of expression is noticed.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Value = dict[str, Any]
"""One attribute in DynamoDB's JSON. It is never changed in place, so items can share it."""
Attributes = dict[str, Value]
Names = Mapping[str, str]
Values = Mapping[str, Value]
Holds = Callable[[Attributes, Names, Values], bool]
Change = Callable[[Attributes, Names, Values], Attributes]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[(),=<>+-]|[#:][A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*)")
_CLAUSES = ("SET", "REMOVE", "ADD")
KEY = ("pk", "sk")


class Unsupported(ValueError):
    """An expression that this store does not know."""


class Invalid(Exception):
    """What DynamoDB answers with a ValidationException."""


def equal(one: Value | None, other: Value | None) -> bool:
    """A comparison with an absent attribute, or with one of another type, is false."""
    if one is None or other is None:
        return False
    return one == other or ("N" in one and "N" in other and int(one["N"]) == int(other["N"]))


def less(one: Value | None, other: Value | None, or_equal: bool = False) -> bool:
    if one is None or other is None:
        return False
    for kind, number in (("N", True), ("S", False)):
        if kind in one and kind in other:
            first, second = (int(one[kind]), int(other[kind])) if number else (one[kind], other[kind])
            return bool(first <= second if or_equal else first < second)
    return False


def begins(one: Value | None, start: Value) -> bool:
    return one is not None and "S" in one and "S" in start and one["S"].startswith(start["S"])


class _Reader:
    """Reads one expression from left to right, and writes it as Python over `item`, `names` and `values`."""

    def __init__(self, expression: str) -> None:
        self.expression, self.at = expression, 0
        self.tokens: list[str] = []
        end = 0
        while end < len(expression.rstrip()):
            token = _TOKEN.match(expression, end)
            if token is None:
                raise Unsupported(expression)
            self.tokens.append(token[1])
            end = token.end()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token.upper() != wanted):
            raise Unsupported(self.expression)
        self.at += 1
        return token

    def accept(self, wanted: str) -> bool:
        found = self.peek().upper() == wanted
        self.at += found
        return found

    def arguments(self) -> list[str]:
        self.take("(")
        found = [self.operand()]
        while self.accept(","):
            found.append(self.operand())
        self.take(")")
        return found

    def operand(self) -> str:
        token = self.take()
        if token == "if_not_exists":
            path, otherwise = self.arguments()
            return f"({path} or {otherwise})"
        if token.startswith(":"):
            return f"values[{token!r}]"
        if not re.match(r"[#A-Za-z_]", token):
            raise Unsupported(self.expression)
        return f"item.get({self.name(token)})"

    @staticmethod
    def name(token: str) -> str:
        return f"names[{token!r}]" if token.startswith("#") else repr(token)

    # ---- conditions --------------------------------------------------------------------------------------------------

    def condition(self) -> str:
        found = [self._all_of()]
        while self.accept("OR"):
            found.append(self._all_of())
        return " or ".join(found)

    def _all_of(self) -> str:
        found = [self._one()]
        while self.accept("AND"):
            found.append(self._one())
        return " and ".join(found)

    def _one(self) -> str:
        if self.accept("NOT"):
            return f"(not {self._one()})"
        if self.peek() == "(":
            return self._group()
        function = self.peek()
        if function in ("attribute_exists", "attribute_not_exists", "begins_with"):
            self.take()
            first, *more = self.arguments()
            if function == "begins_with":
                return f"begins({first}, {more[0]})"
            return f"({first} is {'not ' if function == 'attribute_exists' else ''}None)"
        return self._comparison()

    def _group(self) -> str:
        begin = self.at
        self.take("(")
        inner = self.condition()
        self.take(")")
        inside = self.tokens[begin + 1 : self.at - 1]
        if inside[0] == "(" and _closes_at_the_end(inside):
            raise Invalid("The expression has redundant parentheses;")
        return f"({inner})"

    def _comparison(self) -> str:
        left = self.operand()
        sign = self.take().upper()
        if sign == "BETWEEN":
            low = self.operand()
            self.take("AND")
            return f"(less({low}, {left}, True) and less({left}, {self.operand()}, True))"
        if sign == "IN":
            return "(" + " or ".join(f"equal({left}, {one})" for one in self.arguments()) + ")"
        right = self.operand()
        written = {
            "=": f"equal({left}, {right})",
            "<>": f"(not equal({left}, {right}))",
            "<": f"less({left}, {right})",
            "<=": f"less({left}, {right}, True)",
            ">": f"less({right}, {left})",
            ">=": f"less({right}, {left}, True)",
        }
        if sign not in written:
            raise Unsupported(self.expression)
        return written[sign]

    # ---- updates -----------------------------------------------------------------------------------------------------

    def changes(self) -> list[tuple[str, str, str]]:
        """Each part: the clause, the name, and the new value."""
        found, seen = list[tuple[str, str, str]](), set[str]()
        while self.peek():
            clause = self.take().upper()
            if clause not in _CLAUSES or clause in seen:
                raise Unsupported(self.expression)
            seen.add(clause)
            found.append(self._part(clause))
            while self.accept(","):
                found.append(self._part(clause))
        if not found:
            raise Unsupported(self.expression)
        return found

    def _part(self, clause: str) -> tuple[str, str, str]:
        token = self.take()
        name = self.name(token)
        if not re.match(r"[#A-Za-z_]", token):
            raise Unsupported(self.expression)
        if clause == "REMOVE":
            return clause, name, ""
        if clause == "ADD":
            return clause, name, self.operand()
        self.take("=")
        value = self.operand()
        if self.peek() in ("+", "-"):
            sign = self.take()
            value = f"plus({value}, {self.operand()}, {1 if sign == '+' else -1})"
        return clause, name, value


def _closes_at_the_end(tokens: list[str]) -> bool:
    """Whether the parenthesis that a list of tokens begins with is closed by its last one."""
    depth = 0
    for n, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if not depth:
            return n == len(tokens) - 1
    return False


def plus(one: Value | None, other: Value | None, sign: int = 1) -> Value:
    if one is None or other is None:
        raise Invalid("The provided expression refers to an attribute that does not exist in the item")
    if "N" not in one or "N" not in other:
        raise Invalid("An operand in the update expression has an incorrect data type")
    return {"N": str(int(one["N"]) + sign * int(other["N"]))}


def _required(value: Value | None) -> Value:
    if value is None:
        raise Invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


@cache
def condition_of(expression: str) -> Holds:
    """The condition as a function."""
    reader = _Reader(expression)
    text = reader.condition()
    if reader.peek():
        raise Unsupported(expression)
    made: Holds = eval(f"lambda item, names, values: bool({text})", {"equal": equal, "less": less, "begins": begins})  # noqa: S307 - of the tests' own making
    return made


@cache
def update_of(expression: str) -> Change:
    """The update as a function from an item to the new one. Every value is computed from the item as it was."""
    parts = [
        (clause, eval(f"lambda names: {name}"), _value(clause, value))  # noqa: S307 - as above
        for clause, name, value in _Reader(expression).changes()
    ]

    def change(item: Attributes, names: Names, values: Values) -> Attributes:
        new = dict(item)
        for clause, name_of, value_of in parts:
            name = name_of(names)
            if name in KEY:
                raise Invalid("Cannot update attribute. This attribute is part of the key")
            if clause == "REMOVE":
                new.pop(name, None)
            elif clause == "SET":
                new[name] = _required(value_of(item, names, values))
            else:
                added = value_of(item, names, values)
                new[name] = plus(item.get(name, {"N": "0"}), added)
        return new

    return change


@cache
def names_of(expression: str) -> tuple[str, ...]:
    """The attributes that an update changes, as they are written there."""
    return tuple(re.sub(r"^(names\[)?'(.*?)'\]?$", r"\2", name) for _, name, _ in _Reader(expression).changes())


def _value(clause: str, text: str) -> Any:
    return eval(f"lambda item, names, values: {text}", {"plus": plus}) if clause != "REMOVE" else None  # noqa: S307 - as above


@cache
def placeholders(*expressions: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names (`#n`) and values (`:v`) that expressions use."""
    used = frozenset(re.findall(r"[#:][A-Za-z0-9_]+", " ".join(expressions)))
    names = frozenset(one for one in used if one[0] == "#")
    return names, used - names
