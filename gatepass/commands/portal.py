"""`gatepass portal publish`: uploads the portal's pages, which CloudFormation does not."""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from entitlements.items import solution_prefix
from entitlements.solution import Solution, solution_from_document
from gatepass.commands.solutions import required_solution
from gatepass.deployed_portal import deployed_portal
from gatepass.environment import Environment
from gatepass.output import announce
from gatepass.portal_files import portal_files
from gatepass.publication import PortalBucket, PublicationPlan
from gatepass.published_script import published
from gatepass.refusals import CommandError

DEFAULT_NAME: Final = "Marketplace"
NAME_VARIABLE: Final = "GATEPASS_PORTAL_NAME"
CONTACT_VARIABLE: Final = "GATEPASS_PORTAL_CONTACT"


def add_parser(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    verbs = nouns.add_parser("portal", help="publish the marketplace's pages").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    publish = verbs.add_parser("publish", help="upload the pages with their settings to the stack's portal")
    publish.add_argument(
        "--solutions", type=_ids, metavar="A,B", help="the solutions to show, in order (default: all active ones)"
    )
    publish.add_argument("--portal-name", metavar="NAME", help=f"the site's name (default: {NAME_VARIABLE})")
    publish.add_argument(
        "--contact", metavar="ADDRESS", help=f"an email address for the footer (default: {CONTACT_VARIABLE})"
    )
    publish.add_argument("--dry-run", action="store_true", help="say what would change, upload nothing")
    publish.set_defaults(run=run_publish)


def _ids(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,]+", text)))


def run_publish(options: argparse.Namespace) -> int:
    """Publish, and print what changed, the address, and the script tag for solutions' pages."""
    environment = Environment.read(options.table)
    portal = deployed_portal(environment)
    if portal is None:
        raise CommandError(
            f"the table {environment.table} belongs to no stack with a portal: deploy the stack with Portal=true"
        )
    settings = {
        # Empty: CloudFront serves the API under the portal's own origin.
        "token-service": "",
        "solutions": ",".join(_shown(environment, options.solutions)),
        **_named(options, os.environ),
    }
    files = portal_files(settings, portal.url, portal.token_service)
    bucket = PortalBucket(environment.management, portal.bucket, portal.distribution)
    plan = bucket.plan(files)
    if not options.dry_run:
        announce(f"uploading to {portal.bucket}")
        bucket.publish(files, plan)
    _tell(plan, options.dry_run)
    if not options.dry_run:
        print(f"published {portal.url}/ with the solutions {settings['solutions']}")
        print(f"for the pages of solutions (docs/gatepass-js.md):\n{published().tag(portal.url, portal.token_service)}")
    return 0


def _shown(environment: Environment, chosen: Sequence[str] | None) -> list[str]:
    """The IDs of the solutions to show; raises `CommandError` if there are none, or if one cannot be shown."""
    if chosen:
        solutions = [required_solution(environment, one) for one in chosen]
        if off := [one.solution_id for one in solutions if not one.active]:
            raise CommandError(f"{', '.join(off)} cannot be shown, because it is disabled: leave it out of --solutions")
        return [one.solution_id for one in solutions]
    items = environment.repository.scan(solution_prefix())
    every: list[Solution] = [solution_from_document(item["document"]) for item in items]
    if active := sorted(one.solution_id for one in every if one.active):
        return active
    raise CommandError("there is no active solution for the portal to show: run gatepass solutions apply FILE first")


def _named(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    name = options.portal_name or environment.get(NAME_VARIABLE) or DEFAULT_NAME
    contact = options.contact or environment.get(CONTACT_VARIABLE) or ""
    if contact and not re.fullmatch(r"[^\s@]+@[^\s@]+", contact):
        raise CommandError(f"--contact: {contact!r} is not an email address")
    return {"portal-name": name, "contact": contact}


def _tell(plan: PublicationPlan, dry_run: bool) -> None:
    for what in ("added", "changed", "removed"):
        for name in getattr(plan, what):
            print(f"{'would be ' if dry_run else ''}{what}: {name}")
    print(f"unchanged: {len(plan.unchanged)} files")
