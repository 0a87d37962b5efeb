"""`make conformance URL=…`: the suite against an API on AWS that docs/conformance.md set up.

Exits with 1 if anything differs from what the suite expects, and with 2 if a variable is missing or wrong, or if nothing
answers.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.conformance import runner
from tests.conformance.cases import CASES
from tests.conformance.model import ApiFormat, Target, TokenKind

VARIABLES = {
    "URL": "the REST API's URL with its stage: the output RestUrl",
    "HTTP_URL": "the HTTP API's URL with its stage: the output HttpUrl",
    "GOOD_TOKEN": "a user's token, plan tester",
    "SUPERSEDED_TOKEN": "a token that was rotated",
    "OTHER_TOKEN": "a token of the solution conformance-other",
    "SPENT_TOKEN": "the token of a user whose plan is once",
}


def target_of(environment: Mapping[str, str]) -> Target | str:
    """The target that the variables name, or what is wrong with them and how to set them."""
    missing = [name for name in VARIABLES if not environment.get(name)]
    if missing:
        needs = "".join(f"\n  {name:<17} {VARIABLES[name]}" for name in missing)
        return f"set these variables, as docs/conformance.md shows:{needs}"
    for name in ("URL", "HTTP_URL"):
        parts = urlsplit(environment[name])
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            return f"{name} is not a URL: give {VARIABLES[name]}"
    http = environment["HTTP_URL"]
    urls = {ApiFormat.REST: environment["URL"], ApiFormat.HTTP_1: http, ApiFormat.HTTP_2: http}
    made = (TokenKind.GOOD, TokenKind.SUPERSEDED, TokenKind.OTHER, TokenKind.SPENT)
    return Target("AWS", urls, {kind: environment[f"{kind.upper()}_TOKEN"].strip() for kind in made})


def main(environment: Mapping[str, str]) -> int:
    """Run every case and print the differences; the exit code. No token is printed."""
    target = target_of(environment)
    if isinstance(target, str):
        print(target, file=sys.stderr)
        return 2
    different = 0
    try:
        runner.spend(target)
        for case in CASES:
            found = runner.differences(target, case)
            different += bool(found)
            print(f"{'differs' if found else 'agrees ':<8} {case.id}")
            for text in found:
                print(f"         {text}")
            if found:
                print(f"         {case.says}{' By report.' if case.by_report else ''} {case.decides}")
    except (OSError, http.client.HTTPException) as error:
        print(
            f"no answer ({type(error).__name__}): check URL and HTTP_URL, and that both APIs are deployed",
            file=sys.stderr,
        )
        return 2
    print(f"{len(CASES) - different} of {len(CASES)} cases agree")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
