"""Writes `gatepass-VERSION.js` as it is published, and prints its script tag: `gatepass/published_script.py`."""

import argparse
import sys
from pathlib import Path

from gatepass.published_script import published


def main(arguments: list[str] | None = None) -> None:
    """Write the file and print its tag."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write the file")
    folder = parser.parse_args(arguments).folder
    script = published()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / script.name).write_bytes(script.content)
    sys.stdout.write(f"{folder / script.name}\n{script.tag('https://MARKETPLACE', 'https://TOKEN-SERVICE')}\n")


if __name__ == "__main__":
    main()
