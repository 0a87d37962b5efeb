"""Run a command that says little or too much, and show on standard error what it is at and for how long.

    with_progress.py WHAT COMMAND…

On a terminal, one line shows the last line of the command's output; elsewhere, a line appears now and then. If the
command fails, all of its output follows. It uses only the standard library: it runs before anything is installed.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time

EVERY = float(os.environ.get("PROGRESS_SECONDS") or 10)
"""Seconds between the lines where there is no terminal."""
REDRAW = 0.2


class Output(threading.Thread):
    """Reads the output of a command, of which it knows all lines and the last."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__(daemon=True)
        self.process, self.lines = process, [""]

    def run(self) -> None:
        """Read to the end."""
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def last(self) -> str:
        """The last line, in which pip says what it is at."""
        return self.lines[-1].strip()


def show(what: str, output: Output, process: "subprocess.Popen[str]") -> None:
    """Until the command ends."""
    start = time.monotonic()
    terminal = sys.stderr.isatty()
    if not terminal:
        print(f"{what} …", file=sys.stderr, flush=True)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(REDRAW if terminal else EVERY)
            break
        line = f"{what}: {time.monotonic() - start:.0f} s  {output.last}"
        if terminal:
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)
    output.join()
    done = "done" if process.returncode == 0 else f"failed with exit status {process.returncode}"
    clear = "\r\x1b[K" if terminal else ""
    print(f"{clear}{what}: {done} after {time.monotonic() - start:.0f} s", file=sys.stderr)


def main() -> int:
    """Run it; its exit status."""
    what, *command = sys.argv[1:]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        output = Output(process)
        output.start()
        try:
            show(what, output, process)
        except KeyboardInterrupt:  # the command gets it too, from the same terminal
            print(file=sys.stderr)
            process.wait()
            return 130
    if process.returncode:
        sys.stderr.write("".join(output.lines))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
