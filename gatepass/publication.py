"""Publishes files in the portal's bucket: compares, uploads, removes what is left over, and checks the result."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gatepass.aws_calls import Aws, CallFailed
from gatepass.portal_files import PortalFile
from gatepass.published_script import PUBLISHED_NAME
from gatepass.refusals import CommandError


class PublicationPlan(NamedTuple):
    """What a publication changes: files by name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


class PortalBucket:
    """The bucket and the distribution of one portal.

    Two publications at once end with the files of one of them: whichever finds another one's work at the end says so.
    """

    def __init__(self, aws: Aws, bucket: str, distribution: str) -> None:
        """`bucket` is a name, `distribution` an ID: the stack's outputs."""
        self._aws, self._bucket, self._distribution = aws, bucket, distribution

    def plan(self, files: Sequence[PortalFile]) -> PublicationPlan:
        """Compare with what is published. Raises `CommandError` if a published version would get other bytes."""
        there = self._published()
        found: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
        for file in files:
            known = there.get(file.name)
            kind = "added" if known is None else "unchanged" if known == _etag(file) else "changed"
            if kind == "changed" and file.versioned:
                raise _version_taken(file)
            found[kind].append(file.name)
        # Pages of solutions go on loading the versions that they name, by their hash.
        left = there.keys() - {file.name for file in files}
        removed = tuple(sorted(name for name in left if not PUBLISHED_NAME.fullmatch(name)))
        return PublicationPlan(tuple(found["added"]), tuple(found["changed"]), tuple(found["unchanged"]), removed)

    def publish(self, files: Sequence[PortalFile], plan: PublicationPlan) -> None:
        """Upload in the given order, remove, and invalidate. Raises `CommandError`, or `CallFailed`; a repetition
        continues.
        """
        for file in files:
            if not file.versioned:
                self._put(file)
            elif file.name in plan.added:
                self._put_new(file)
        for name in plan.removed:
            self._call("s3", "delete_object", Bucket=self._bucket, Key=name)
        # Also without changes: an interrupted publication may have uploaded them.
        self._call(
            "cloudfront",
            "create_invalidation",
            DistributionId=self._distribution,
            InvalidationBatch={"CallerReference": uuid.uuid4().hex, "Paths": {"Quantity": 1, "Items": ["/*"]}},
        )
        there = self._published()
        if others := sorted(file.name for file in files if there.get(file.name) != _etag(file)):
            raise CommandError(
                f"another publication ran at the same time and changed {', '.join(others)}: run this again"
            )

    def _put(self, file: PortalFile, **conditions: str) -> None:
        self._call(
            "s3", "put_object", Bucket=self._bucket, Key=file.name, Body=file.content, ContentType=file.content_type,
            CacheControl=file.cache_control, **conditions,
        )  # fmt: skip

    def _put_new(self, file: PortalFile) -> None:
        """A version that was published since the plan was made stays as it is:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        try:
            self._put(file, IfNoneMatch="*")
        except CallFailed as error:
            if error.code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            if self._published().get(file.name) != _etag(file):
                raise _version_taken(file) from error

    def _published(self) -> dict[str, str]:
        """The entity tags of the bucket's objects, by their names."""
        return {found["Key"]: found["ETag"].strip('"') for page in self._pages() for found in page.get("Contents", ())}

    def _pages(self) -> Iterator[dict[str, Any]]:
        parameters = {"Bucket": self._bucket}
        while True:
            page = self._call("s3", "list_objects_v2", **parameters)
            yield page
            if not page.get("IsTruncated"):
                return
            parameters["ContinuationToken"] = page["NextContinuationToken"]

    def _call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            return self._aws.call(service, operation, **parameters)
        except CallFailed as error:
            if error.code not in ("AccessDenied", "AccessDeniedException"):
                raise
            raise CommandError(
                f"{error}: your AWS credentials need s3:ListBucket on the bucket {self._bucket}, s3:PutObject and "
                f"s3:DeleteObject on its objects, and cloudfront:CreateInvalidation on the distribution "
                f"{self._distribution}"
            ) from error


def _etag(file: PortalFile) -> str:
    """The entity tag of an object that is encrypted with SSE-S3, as the bucket's are: the MD5 of its content.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    return hashlib.md5(file.content, usedforsecurity=False).hexdigest()


def _version_taken(file: PortalFile) -> CommandError:
    return CommandError(
        f"nothing was published: {file.name} is there with other bytes, and pages check its hash: raise the version in "
        "portal/gatepass.js"
    )
