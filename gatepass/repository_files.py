"""Files of the repository that the command uses: the example, the portal, and the fixture of the sample events."""

from pathlib import Path


def repository_file(name: str) -> Path:
    """The file or folder of that path in the repository, or its copy in the installed package (`setup.py`)."""
    here = Path(__file__).parent
    packaged = here / "data" / name
    return packaged if packaged.exists() else here.parent / name
