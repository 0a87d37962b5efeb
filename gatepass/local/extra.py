"""The packages that only the local stack needs, which a small installation leaves out."""

import importlib.util
from typing import Final

from gatepass.refusals import CommandError

MODULES: Final = ("aws_lambda_powertools", "faiss", "flask", "jwt", "moto", "numpy", "pydantic")
"""What is imported of requirements/local.in."""


def require_extra() -> None:
    """Raise `CommandError` if some of them are missing."""
    missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the local stack needs packages that are not installed ({', '.join(missing)}): "
            "run pip install 'gatepass[local]'"
        )
