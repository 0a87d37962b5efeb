"""The official Node.js SDK against the stand-in."""

import json
import shutil
import subprocess

from tests.support.emulators import ROOT, unavailable

RAZORPAY = ROOT / ".tools" / "razorpay"


def test_a_shop_in_node_sells_an_order_and_a_subscription(processes, stand_in):
    if shutil.which("node") is None or not RAZORPAY.is_dir():
        unavailable("Node.js with the npm package razorpay (make tools)")
    # The script is that of this commit, and its package is found in the current folder.
    script = (ROOT / "tests" / "tools" / "razorpay" / "steps.mjs").read_text()
    asked = {"url": stand_in.url, "key_id": "rzp_test_key", "key_secret": "key-secret"}
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        cwd=RAZORPAY,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "order_signature": True,
        "subscription_signature": True,
        "captured": "captured",
        "refunded": 9900,
        "order": "paid",
        "listed": [True],
        "invoice_payments": [True],
        "states": ["paused", "active", "active", "cancelled"],
        "refused": [400, "Subscription is not cancellable in cancelled status."],
        "dispute": "open",
    }
