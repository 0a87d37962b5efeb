"""How commands print: a table for people, JSON for programs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool, nothing: str) -> None:
    """Print rows, or the message `nothing` if there are none."""
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
    """Print one record."""
    if as_json:
        print(json.dumps(dict(record), indent=2))
        return
    width = max(map(len, record))
    for name, value in record.items():
        print(f"{name.ljust(width)}  {'' if value is None else value}")


def announce(what: str) -> None:
    """Say on a terminal what begins, if it takes a while until there is more to say."""
    if sys.stderr.isatty():
        print(f"{what} …", file=sys.stderr, flush=True)


class Progress:
    """The progress of a long command on standard error, if that is a terminal. Messages are printed in any case."""

    def __init__(self, bar: Any, task: Any) -> None:
        """`bar` is rich's, or None without a terminal."""
        self._bar, self._task = bar, task

    def show(self, advance: int, text: str) -> None:
        """Advance the bar, and show a text beside it."""
        if self._bar is not None:
            self._bar.update(self._task, advance=advance, count=text)

    def tell(self, message: str) -> None:
        """Print a line."""
        if self._bar is None:
            print(message, file=sys.stderr)
        else:
            self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None = None, shown: bool = True) -> Iterator[Progress]:
    """Show progress towards `total`, or without a known end."""
    if not shown or not sys.stderr.isatty():
        yield Progress(None, None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description} {task.fields[count]}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        yield Progress(bar, bar.add_task(what, total=total, count="0"))
