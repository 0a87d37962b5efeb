"""Fuzz a target, guided by coverage: `python -m tests.fuzz TARGET SECONDS [CORPUS]` (`make fuzz`; needs atheris).

What is found new goes to CORPUS, a folder; without one it is forgotten. A failure leaves its input in `crash-…`.
"""

import os
import sys
from pathlib import Path

import atheris

# The handler asks for its settings when it is imported. Nobody answers there.
os.environ |= {"GATEPASS_TABLE": "none", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
with atheris.instrument_imports(include=["authorizer", "entitlements", "gatepass", "token_service", "yaml", "json"]):
    from tests.fuzz.targets import CORPUS, TARGETS


def main() -> None:
    """Run libFuzzer, which ends the process."""
    target, seconds, *new = sys.argv[1:]
    corpora = [*new, str(CORPUS / target)]
    for folder in new:
        Path(folder).mkdir(parents=True, exist_ok=True)
    options = ["-max_len=3000", f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *corpora, *options], TARGETS[target])
    atheris.Fuzz()


main()
