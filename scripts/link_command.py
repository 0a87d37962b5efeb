"""Put the command of this clone into the environment of the Python that runs this: `.venv/bin/gatepass`."""

import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The first line of a script can hold no path with a space, nor a long one. This is sh and Python at once, as pip's are.
SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from gatepass.cli import main
sys.exit(main())
"""


def main() -> None:
    """Write the script, and the file by which Python finds the packages."""
    Path(sysconfig.get_path("purelib"), "gatepass.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = Path(sysconfig.get_path("scripts"), "gatepass")
    command.write_text(SCRIPT.format(python=sys.executable), encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()
