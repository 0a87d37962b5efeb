"""Adds to the package what the command needs of the repository's other folders; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DATA = ("examples/faiss_search", "events/fixture.json", "portal")
"""Where `gatepass.repository_files` looks for it."""


class BuildWithData(build_py):
    """Copies `DATA` into `gatepass/data`. An editable install finds it in the repository."""

    def run(self) -> None:
        """Build as usual, and copy."""
        super().run()
        if self.editable_mode:
            return
        for name in DATA:
            source, target = ROOT / name, Path(self.build_lib, "gatepass", "data", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithData})
