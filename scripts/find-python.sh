#!/usr/bin/env bash
# Prints the path of a Python of a version, as in 3.13, that runs: from PATH, from pyenv or from uv. Exit status 1: none.
#
# A name on PATH is no proof: pyenv leaves scripts there that refuse to run for a version that is not chosen.
set -euo pipefail
version=$1
for python in \
  "python$version" \
  "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
  "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/cpython-$version".*/bin/python
do
  program='import sys; print(sys.executable if "%d.%d" % sys.version_info[:2] == sys.argv[1] else "")'
  found=$("$python" -c "$program" "$version" 2>/dev/null) || continue
  if [ -n "$found" ]; then echo "$found"; exit 0; fi
done
exit 1
