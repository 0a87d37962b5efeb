"""How commands print: a table for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool, nothing: str) -> None:
    """Print rows; `nothing` is what to say when there are none."""
    if as_json:
        print(json.dumps(list(rows), indent=2))
        return
    if not rows:
        print(nothing)
        return
    cells = [[column.upper() for column in columns]]
    cells += [["" if row.get(c) is None else str(row.get(c)) for c in columns] for row in rows]
    widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_record(record: Mapping[str, Any], as_json: bool) -> None:
    """Print one thing."""
    if as_json:
        print(json.dumps(dict(record), indent=2))
        return
    width = max(map(len, record))
    for name, value in record.items():
        print(f"{name.ljust(width)}  {'' if value is None else value}")
