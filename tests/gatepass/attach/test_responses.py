"""What an attached API answers in the gate's name."""

import json
import re

from entitlements.decision import Decision
from entitlements.reasons import Reason
from entitlements.solution import read_solution
from gatepass.attach import responses
from gatepass.attach.resources import CorsConfiguration
from tests.support.signer import SOLUTION
from tests.support.table import config


def test_every_body_is_json_whatever_the_context_holds() -> None:
    solution = read_solution(config(name='A "quoted" \\ name', marketplace_url='https://m.example.com/a?b="c"\\'))
    contexts: list[dict[str, str]] = [{}] + [
        Decision(reason, SOLUTION, "u", plan, 1, 2, 3, "2026-11-24T00:00:00Z", solution.upgrade_url).context()
        for reason in Reason
        for plan in solution.plans
    ]
    for value in responses.gateway_responses(solution).values():
        for context in contexts:
            body = re.sub(
                r"\$context\.authorizer\.(\w+)",
                lambda m: context.get(m[1], ""),  # noqa: B023  (called at once)
                value.templates["application/json"],
            )
            assert json.loads(body)["message"]
            assert "$" not in re.sub(r'"upgradeUrl":"[^"]*"', "", body)


def test_cors_settings_that_exist_only_gain_the_header() -> None:
    solution = read_solution(config())
    present = {"AllowOrigins": ["https://a.example"], "AllowHeaders": ["x-own"], "MaxAge": 5}
    gained = CorsConfiguration(present | {"AllowHeaders": ["x-own", "authorization"]})
    assert responses.cors(CorsConfiguration(present), solution) == gained
    fine = CorsConfiguration({"AllowHeaders": ["Authorization"]})
    assert responses.cors(fine, solution) == fine
