"""`gatepass entitlements export` and `import`: move users from one table to another; both can be repeated."""

import argparse
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, Final, ParamSpec, TypeVar

from entitlements.directory import Directory
from entitlements.identifiers import require_solution_id
from entitlements.items import StoreUnavailable
from entitlements.solution import Solution
from gatepass.commands.arguments import add_json, add_solution
from gatepass.commands.entitlement_lines import BadLine, read_line, write_line
from gatepass.environment import Environment
from gatepass.output import Progress, progress
from gatepass.patience import patiently
from gatepass.refusals import CommandError
from token_service.access.grants import require_solution
from token_service.access.records import Entitlement
from token_service.errors import Busy, Throttled

MAX_LINE: Final = 65_536
"""The most bytes of a line. An entitlement has about 300; a file without line ends must not fill the memory."""

P = ParamSpec("P")
T = TypeVar("T")


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the two verbs."""
    export = verbs.add_parser("export", help="write entitlements with their counters as JSON lines, without tokens")
    add_solution(export, required=False)
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (default: standard output); replaced when complete"
    )
    export.set_defaults(run=run_export)
    import_ = verbs.add_parser(
        "import",
        help="create the entitlements of such a file; those that exist stay as they are, so it can be repeated",
    )
    import_.add_argument("file", metavar="FILE", help="JSON lines, or - for standard input")
    import_.add_argument("--dry-run", action="store_true", help="check every line and say what would be done")
    add_json(import_)
    import_.set_defaults(run=run_import)


def run_export(options: argparse.Namespace) -> int:
    """Write the entitlements line by line, while the table is read page by page."""
    environment, count = Environment.read(options.table), 0
    found: Iterable[Entitlement]
    if options.solution:
        # A mistyped id must not look like a solution without users.
        solution = require_solution(environment.repository, require_solution_id(options.solution), time.time())
        found = environment.access.of_solution(solution.solution_id)
    else:
        found = environment.access.everything()
    # On a terminal, the lines themselves show the progress.
    with _complete(options.output) as file, progress("exporting", shown=not file.isatty()) as bar:
        for one in found:
            file.write(write_line(one, time.time()) + "\n")
            count += 1
            bar.show(0, str(count))
    print(f"exported {count}", file=sys.stderr)
    return 0


@contextmanager
def _complete(path: Path | None) -> Iterator[IO[str]]:
    """A file that replaces `path` only when it is complete: a partial export must not be taken for a whole one."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    target, part = path.resolve(), None
    try:
        if target.exists() and not target.is_file():  # a pipe or a device
            with target.open("w", encoding="utf-8") as file:
                yield file
            return
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f"{target.name}.", suffix=".part", delete=False
        ) as file:
            part = Path(file.name)
            yield file
        part.replace(target)
        part = None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error}") from error
    finally:
        if part is not None:
            part.unlink()


@dataclass
class _Tally:
    """The results of the lines."""

    dry_run: bool
    line: int = 0
    imported: int = 0
    there_already: int = 0
    different: int = 0
    bad: int = 0

    def __str__(self) -> str:
        other = f" ({self.different} of them different from the file)" if self.different else ""
        done = "would import" if self.dry_run else "imported"
        return f"{done} {self.imported}, there already {self.there_already}{other}, bad {self.bad}"


def run_import(options: argparse.Namespace) -> int:
    """Import line by line. Imported lines stay imported, and importing them again changes nothing."""
    environment, tally = Environment.read(options.table), _Tally(options.dry_run)
    name = "standard input" if options.file == "-" else options.file
    again = "run the same command again: what is there already is left as it is"
    with _opened(options.file) as file, progress("importing", total=_size(file)) as bar:
        try:
            _import(environment, file, bar, tally, name)
        except KeyboardInterrupt:
            bar.tell(f"gatepass: interrupted at line {tally.line} ({tally}): {again}")
            return 1
        except (StoreUnavailable, Busy):
            bar.tell(f"gatepass: stopped at line {tally.line} ({tally}): {again}")
            raise
    if options.json:
        counts = {key: getattr(tally, key) for key in ("imported", "there_already", "different", "bad", "dry_run")}
        print(json.dumps(counts, indent=2))
    else:
        print(tally)
    if tally.bad:
        print("gatepass: correct the lines named above and import the file again", file=sys.stderr)
    return 1 if tally.bad else 0


def _import(environment: Environment, file: BinaryIO, bar: Progress, tally: _Tally, name: str) -> None:
    access, directory = environment.access, Directory(environment.repository.get_item)

    def solution_of(solution_id: str) -> Solution | None:
        return _patiently(directory.solution, solution_id, time.time())

    seen: dict[tuple[str, str], Entitlement] = {}
    for number, raw, length in _lines(file):
        tally.line = number
        bar.show(length, str(number))
        try:
            moved = read_line(_text(raw), solution_of, time.time())
        except BadLine as bad:
            tally.bad += 1
            for key, fault in bad.faults.items():
                bar.tell(f"{name}:{number}: {key}: {fault}")
            continue
        there = _patiently(access.find, moved.user_id, moved.solution_id)
        if tally.dry_run and there is None:
            # By the time of its second line, an import would find what the first one made.
            name_of = (moved.user_id, moved.solution_id)
            there = seen.get(name_of)
            seen.setdefault(name_of, moved)
        if there is None and (tally.dry_run or _patiently(access.move_in, moved)):
            tally.imported += 1
            continue
        tally.there_already += 1
        there = there or _patiently(access.find, moved.user_id, moved.solution_id)
        if there and (other := _differences(there, moved)):
            tally.different += 1
            bar.tell(f"{name}:{number}: there already, with another {' and '.join(other)}: left as it is")


def _differences(there: Entitlement, moved: Entitlement) -> list[str]:
    """The attributes that differ. Counters are left out, since they change once a user has moved."""
    names = ("status", "plan", "granted", "paid_until", "suspended_reason")
    return [name for name in names if getattr(there, name) != getattr(moved, name)]


def _patiently(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call again while the table is busy; both errors say that nothing was written."""
    return patiently(lambda: call(*args, **kwargs), (Throttled, Busy))


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - an error while it is read is another one
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error}") from error
    with file:
        yield file


def _size(file: BinaryIO) -> int | None:
    """The size in bytes; None if it is unknown, as for a pipe."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Lines with their numbers and lengths. Blank lines are skipped; a line that is too long is cut off."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number, length, rest = number + 1, len(line), line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE + 1)):
            length += len(rest)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # some editors begin a file so
        if line.strip() or length > MAX_LINE:
            yield number, line, length


def _text(raw: bytes) -> str:
    if len(raw.rstrip(b"\r\n")) > MAX_LINE:
        raise BadLine({"(line)": f"is longer than {MAX_LINE} bytes"})
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine({"(line)": "is not UTF-8"}) from None
