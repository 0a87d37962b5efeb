"""`gatepass emulator`: AWS for the functions that `sam local` runs, with what the sample events need."""

import argparse
import json
import time
from pathlib import Path
from typing import Final

from gatepass.commands.local import print_exports
from gatepass.interrupts import ending_on_signals
from gatepass.output import announce
from gatepass.refusals import CommandError

POLL_SECONDS: Final = 0.5
FUNCTION_VARIABLES: Final = (
    "AWS_ENDPOINT_URL",
    "GATEPASS_TABLE",
    "GATEPASS_STACK",
    "GATEPASS_USER_POOL_ID",
    "GATEPASS_USER_POOL_CLIENT_ID",
)
"""What the template declares. sam itself sets the Region and the credentials."""


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = nouns.add_parser("emulator", help="AWS for sam local: the sample events' table, where containers reach it")
    parser.add_argument(
        "--env-vars",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file to write, for sam local … --env-vars FILE",
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", help="the address or name at which containers reach this machine (default: found)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted."""
    from gatepass.local.bridge import reach
    from gatepass.local.emulated_aws import REGION, emulated_aws

    place = reach(options.host)
    announce("starting the emulator, which takes some seconds")
    with ending_on_signals() as interruption, emulated_aws(place.listen) as aws:
        aws.require("init", "--fixture")
        aws.create_user_pool()
        exported = aws.exported()
        inside = aws.endpoint.replace(place.listen, place.name)
        variables = {name: exported[name] for name in FUNCTION_VARIABLES} | {"AWS_ENDPOINT_URL": inside}
        try:
            _write(options.env_vars, variables)
            print(f"An emulator of AWS runs at {inside} for containers, with the fixture of events/.\n")
            print_exports(exported)
            sam = f"sam local invoke Authorizer --env-vars {options.env_vars} --region {REGION}"
            print(f"\n{sam} -e events/authorizer/rest_request_ok.json\n\nPress Ctrl-C to stop.", flush=True)
            while True:
                interruption.check()
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            print("\nstopped; nothing was kept")
        finally:
            options.env_vars.unlink(missing_ok=True)
    return 0


def _write(path: Path, variables: dict[str, str]) -> None:
    """For all functions of a template, in the form of
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-invoke.html.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"Parameters": variables}, indent=2) + "\n")
    except OSError as error:
        raise CommandError(f"--env-vars {path} cannot be written: {error.strerror}") from error
