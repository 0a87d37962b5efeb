"""What a publication leaves in the bucket, whatever was there, and whoever publishes at the same time."""

import secrets
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatepass.aws_calls import Aws
from gatepass.portal_files import FOREVER, REVALIDATED, PortalFile
from gatepass.publication import PortalBucket
from gatepass.refusals import CommandError
from tests.support import emulators
from tests.support.portal_stack import PortalStack

TEXT = "text/plain; charset=utf-8"
SCRIPT = PortalFile("gatepass-1.2.3.js", b"1", "text/javascript; charset=utf-8", FOREVER)
FILES = (SCRIPT, PortalFile("a.txt", b"a", TEXT), PortalFile("index.html", b"page", "text/html; charset=utf-8"))


@pytest.fixture
def stack(moto_endpoint: str) -> PortalStack:
    return PortalStack(moto_endpoint, f"t-{secrets.token_hex(6)}")


@pytest.fixture
def bucket(stack: PortalStack, moto_endpoint: str) -> PortalBucket:
    return made(stack, Aws(cache(lambda service: emulators.client(service, moto_endpoint))))


def made(stack: PortalStack, aws: Aws) -> PortalBucket:
    return PortalBucket(aws, stack.bucket, stack.outputs["PortalDistributionId"])


def publish(bucket: PortalBucket, files: tuple[PortalFile, ...] = FILES) -> None:
    bucket.publish(files, bucket.plan(files))


class Interposed(Aws):
    """Does something else before the first call of an operation."""

    def __init__(self, endpoint: str, operation: str, first: Callable[[], object]) -> None:
        super().__init__(cache(lambda service: emulators.client(service, endpoint)))
        self.operation, self.first = operation, first

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == self.operation:
            self.operation = ""
            self.first()
        return super().call(service, operation, **parameters)


def test_pages_are_asked_for_anew_and_a_version_is_kept_for_a_year(bucket: PortalBucket, stack: PortalStack) -> None:
    publish(bucket)
    told = {name: (stack.head(name)["ContentType"], stack.head(name)["CacheControl"]) for name in stack.objects}
    assert told == {
        "a.txt": (TEXT, REVALIDATED),
        "gatepass-1.2.3.js": ("text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        "index.html": ("text/html; charset=utf-8", "no-cache"),
    }


def test_what_is_no_longer_part_goes_and_earlier_versions_stay(bucket: PortalBucket, stack: PortalStack) -> None:
    publish(bucket, (*FILES, PortalFile("old.js", b"old", TEXT), SCRIPT._replace(name="gatepass-1.2.2.js")))
    plan = bucket.plan(FILES)
    assert plan.removed == ("old.js",)
    bucket.publish(FILES, plan)
    assert set(stack.objects) == {"a.txt", "gatepass-1.2.2.js", "gatepass-1.2.3.js", "index.html"}


def test_a_published_version_is_never_replaced(bucket: PortalBucket, stack: PortalStack, moto_endpoint: str) -> None:
    publish(bucket)
    other = (SCRIPT._replace(content=b"2"), FILES[1]._replace(content=b"b"), FILES[2])
    with pytest.raises(CommandError, match=r"gatepass-1\.2\.3\.js is there with other bytes.*raise the version"):
        bucket.plan(other)
    assert stack.objects["a.txt"] == b"a"


def test_nor_by_one_who_looked_before_it_was_published(
    bucket: PortalBucket, stack: PortalStack, moto_endpoint: str
) -> None:
    late = made(stack, Interposed(moto_endpoint, "put_object", lambda: publish(bucket)))
    with pytest.raises(CommandError, match="raise the version"):
        publish(late, (SCRIPT._replace(content=b"2"), FILES[1]._replace(content=b"b"), FILES[2]))
    assert (stack.objects[SCRIPT.name], stack.objects["a.txt"]) == (b"1", b"a")


def test_two_publications_of_the_same_files_end_well(
    bucket: PortalBucket, stack: PortalStack, moto_endpoint: str
) -> None:
    for operation in ("put_object", "create_invalidation"):
        publish(made(stack, Interposed(moto_endpoint, operation, lambda: publish(bucket))))
    assert set(stack.objects) == {file.name for file in FILES}


def test_whoever_finds_another_ones_files_at_the_end_says_so(
    bucket: PortalBucket, stack: PortalStack, moto_endpoint: str
) -> None:
    other = (SCRIPT, FILES[1], FILES[2]._replace(content=b"another page"))
    late = made(stack, Interposed(moto_endpoint, "create_invalidation", lambda: publish(bucket, other)))
    with pytest.raises(CommandError, match=r"another publication .* changed index\.html: run this again"):
        publish(late)


def test_the_page_is_uploaded_last_and_a_repetition_continues(
    bucket: PortalBucket, stack: PortalStack, moto_endpoint: str
) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    interrupted = made(stack, Interposed(moto_endpoint, "create_invalidation", fail))
    with pytest.raises(KeyboardInterrupt):
        publish(interrupted)
    assert stack.invalidated == []
    assert bucket.plan(FILES).unchanged == tuple(file.name for file in FILES)
    publish(bucket)
    assert stack.invalidated == ["/*"]


def test_missing_rights_are_named(stack: PortalStack) -> None:
    class Denied:
        def list_objects_v2(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")

    with pytest.raises(CommandError, match=f"s3:ListBucket on the bucket {stack.bucket}.*CreateInvalidation"):
        made(stack, Aws(lambda _: Denied())).plan(FILES)


def test_more_objects_than_a_page_of_the_list_are_compared(bucket: PortalBucket, stack: PortalStack) -> None:
    pages: list[dict[str, Any]] = [
        {"Contents": [{"Key": "one", "ETag": '"x"'}], "IsTruncated": True, "NextContinuationToken": "t"},
        {"Contents": [{"Key": "two", "ETag": '"x"'}]},
    ]

    class Long:
        def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
            assert asked.get("ContinuationToken") == (None if len(pages) == 2 else "t")
            return pages.pop(0)

    assert made(stack, Aws(lambda _: Long())).plan(FILES).removed == ("one", "two")
