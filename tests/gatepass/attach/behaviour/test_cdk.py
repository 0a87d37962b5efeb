"""The documented CDK code synthesizes, and the template that comes out holds what `attach` makes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cfnlint.api import ManualArgs, lint

from tests.support.emulators import ROOT, unavailable
from tests.support.infrastructure import assert_gated, blocks

CDK = ROOT / ".tools" / "cdk"
KINDS = ("REST", "HTTP")
# A project as old as its cdk.json, and one with today's recommended flags, of which this one concerns authorizers.
PROJECTS = {"old": False, "new": True}
SYNTHESIZE = f"""
from aws_cdk import App
import HTTP, REST

for project, flag in {PROJECTS}.items():
    app = App(outdir=project, context={{"@aws-cdk/aws-apigateway:authorizerChangeDeploymentLogicalId": flag}})
    REST.Search(app, "REST")
    HTTP.Search(app, "HTTP")
    app.synth()
"""


@pytest.fixture(scope="module")
def synthesized(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In one process: what takes long is starting it."""
    if shutil.which("node") is None or not (CDK / ".done").exists():
        unavailable("Node.js with the CDK (make tools)")
    work = tmp_path_factory.mktemp("cdk")
    for kind in KINDS:
        (code,) = blocks(f"CDK, {kind}")
        (work / f"{kind}.py").write_text(code)
    (work / "app.py").write_text(SYNTHESIZE)
    # Left alone, it keeps 200 MB in the home directory.
    kept = os.environ | {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(CDK / "cache")}
    done = subprocess.run([str(CDK / "bin" / "python"), "app.py"], env=kept, capture_output=True, text=True, cwd=work,
                          timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return work


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_cdk_makes_what_attach_makes(synthesized: Path, kind: str, project: str) -> None:
    template = (synthesized / project / f"{kind}.template.json").read_text()
    assert_gated(kind, json.loads(template)["Resources"])
    assert lint(template, config=ManualArgs(regions=["us-east-1"])) == []


@pytest.mark.parametrize("project", PROJECTS)
def test_cdk_warns_of_nothing(synthesized: Path, project: str) -> None:
    texts = [path.read_text() for path in (synthesized / project).iterdir() if path.is_file()]
    assert not any('"aws:cdk:warning"' in text for text in texts)
