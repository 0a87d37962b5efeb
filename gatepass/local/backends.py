"""What runs behind the gate of the local stack: the example, or one's own Lambda handler."""

import functools
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatepass.refusals import CommandError
from gatepass.repository_files import repository_file

LambdaHandler = Callable[[dict[str, Any], Any], Any]
EXAMPLE: Final = repository_file("examples/faiss_search")


@dataclass(frozen=True)
class Backend:
    """A handler, the solution that sells it, and the folder of its web page, if the local stack is to serve it."""

    load: Callable[[], LambdaHandler]
    """Imports the handler. Called once the environment is the local stack's, which modules may read."""
    solution_file: Path
    routes: tuple[tuple[str, str], ...]
    """Method and path of each route of its API."""
    frontend: Path | None = None


def example() -> Backend:
    """The FAISS search, with its page."""

    def load() -> LambdaHandler:
        # By its place: in an installed command the example is no package of that name, and somebody else's may be.
        name = "gatepass_example"
        spec = importlib.util.spec_from_file_location(name, EXAMPLE / "__init__.py")
        if spec is None or spec.loader is None:
            raise CommandError(f"{EXAMPLE} is not a package: install gatepass again")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
        handler: LambdaHandler = importlib.import_module(f"{name}.app").lambda_handler
        return handler

    return Backend(load, EXAMPLE / "solution.yaml", (("POST", "/search"), ("GET", "/health")), EXAMPLE / "frontend")


def own(name: str, solution_file: Path) -> Backend:
    """The handler `MODULE:HANDLER`, imported from the current folder, as `python -m` would find it."""
    module_name, separator, attribute = name.partition(":")
    if not separator or not module_name or not attribute:
        raise CommandError(f"--app {name}: write MODULE:HANDLER, as in app:lambda_handler")

    def load() -> LambdaHandler:
        if (here := os.getcwd()) not in sys.path:
            sys.path.insert(0, here)
        try:
            found = importlib.import_module(module_name)
        except Exception as error:  # the module's own code may raise anything
            raise CommandError(f"--app {name}: {module_name} cannot be imported: {_described(error)}") from error
        handler = getattr(found, attribute, None)
        if not callable(handler):
            raise CommandError(f"--app {name}: {module_name} has no function {attribute}")
        return _with_traceback(handler)

    return Backend(load, solution_file, (("ANY", "/"), ("ANY", "/{proxy+}")))


def _with_traceback(handler: LambdaHandler) -> LambdaHandler:
    """The handler, whose failures the gateway answers as AWS does, without saying why: its author wants to know."""

    @functools.wraps(handler)
    def call(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        except Exception:
            traceback.print_exc()
            raise

    return call


def _described(error: Exception) -> str:
    """The error with the place of its last line, which is in the user's code or in what that called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace is not None else ""
    return f"{type(error).__name__}: {error}{where}"
