"""Uploads the page of a deployed stack: the files of `frontend/`, with its settings.

The settings come from the outputs of the stack, and from what the marketplace's stack exports.
"""

import argparse
import os
import re
import sys
import uuid
from html import escape
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

FRONTEND: Final = Path(__file__).with_name("frontend")
TYPES: Final = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
CACHE_CONTROL: Final = "max-age=0, s-maxage=86400"
"""Browsers ask each time, so that page and scripts belong together; CloudFront keeps copies until the next upload."""


SETTINGS: Final = {"data-api": "ApiUrl", "data-token-service": "TokenServiceUrl", "data-marketplace": "PortalUrl"}
"""Attributes of the page's script tag, and the outputs that they have as their values."""


class UnpublishableError(Exception):
    """The page cannot be published. The message says what to do."""


def page(text: str, outputs: dict[str, str]) -> str:
    """The page with its settings. Raises `UnpublishableError` if an output or an attribute is missing."""
    for attribute, output in SETTINGS.items():
        if output not in outputs:
            raise UnpublishableError(
                f"no output {output}: deploy this stack and the marketplace's again, with its portal"
            )
        found = re.findall(rf'\b{attribute}="[^"]*"', text)
        if len(found) != 1:
            raise UnpublishableError(f"index.html must have one {attribute}, in the tag of gatepass.js")
        text = text.replace(found[0], f'{attribute}="{escape(outputs[output])}"')
    return text


def client(service: str) -> Any:
    """boto3 reads no AWS_REGION, which everything else here does."""
    return boto3.session.Session(region_name=os.environ.get("AWS_REGION")).client(service)


def outputs_of(stack: str) -> dict[str, str]:
    """The outputs of the stack, and the exported ones of its marketplace."""
    formation = client("cloudformation")
    (found,) = formation.describe_stacks(StackName=stack)["Stacks"]
    (name,) = (one["ParameterValue"] for one in found["Parameters"] if one["ParameterKey"] == "Marketplace")
    (marketplace,) = formation.describe_stacks(StackName=name)["Stacks"]
    named = [one for one in marketplace["Outputs"] if "ExportName" in one] + found["Outputs"]
    return {one["OutputKey"]: one["OutputValue"] for one in named}


def publish(stack: str) -> str:
    """Upload the files of a stack's page and end CloudFront's copies; returns the page's address."""
    outputs = outputs_of(stack)
    texts = {file: file.read_text(encoding="utf-8") for file in FRONTEND.iterdir() if file.suffix in TYPES}
    texts |= {file: page(text, outputs) for file, text in texts.items() if file.suffix == ".html"}
    s3 = client("s3")
    for file in sorted(texts, key=lambda file: file.suffix == ".html"):  # the page after what it loads
        kind = f"{TYPES[file.suffix]}; charset=utf-8"
        where = {"Bucket": outputs["PageBucketName"], "Key": file.name}
        s3.put_object(**where, Body=texts[file].encode(), ContentType=kind, CacheControl=CACHE_CONTROL)
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(uuid.uuid4())}
    client("cloudfront").create_invalidation(DistributionId=outputs["PageDistributionId"], InvalidationBatch=batch)
    return outputs["PageUrl"]


def main(arguments: list[str] | None = None) -> None:
    """Publish, and print the page's address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack", help="the name of the deployed stack")
    try:
        print(publish(parser.parse_args(arguments).stack))
    except BotoCoreError as error:
        sys.exit(f"publish.py: {error} Set AWS_REGION, and credentials of the stack's account.")
    except (UnpublishableError, ClientError) as error:
        sys.exit(f"publish.py: {error}")


if __name__ == "__main__":
    main()
