"""The real sam, in its own environment or on the path, and its translation of templates."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.emulators import ROOT, unavailable

TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
policies = type("Policies", (), {"load": lambda self: {}})()
template, parameters = sys.argv[1], json.loads(sys.argv[2])
json.dump([transform(yaml_parse(template), values, policies)["Resources"] for values in parameters], sys.stdout)
"""


def sam() -> Path:
    own = ROOT / ".venv-sam" / "bin" / "sam"
    found = str(own) if own.exists() else shutil.which("sam")
    if found is None:
        unavailable("sam (make .venv-sam/.done)")
    return Path(str(found))


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    quiet = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL": "", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([str(part) for part in command], env=quiet, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def translate(template: str, parameters: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The resources that SAM makes of a template, once for each set of parameters. Code must be in S3."""
    python = sam().with_name("python")
    if not python.exists():
        unavailable("sam in an environment of its own (make .venv-sam/.done)")
    made: list[dict[str, Any]] = json.loads(run(python, "-c", TRANSLATE, template, json.dumps(parameters)))
    return made
