"""A stack with a portal on an emulator: its table, which may exist, its outputs, a bucket, and a distribution."""

import json
import secrets
from typing import Any

from entitlements.table import DEFINITION
from tests.support import emulators

URL = "https://portal.example.com"
TOKEN_SERVICE = "https://tokens.example.com"


class PortalStack:
    """`objects` and `heads` read the bucket; `outputs` are those of the stack."""

    def __init__(self, endpoint: str, table: str, portal: bool = True, **outputs: str) -> None:
        self.s3, self.cloudfront = emulators.client("s3", endpoint), emulators.client("cloudfront", endpoint)
        self.name, self.bucket = f"s-{secrets.token_hex(6)}", f"portal-{secrets.token_hex(6)}"
        tags = [{"Key": "gatepass:stack", "Value": self.name}]
        dynamodb = emulators.client("dynamodb", endpoint)
        try:
            dynamodb.create_table(TableName=table, Tags=tags, **DEFINITION)
        except dynamodb.exceptions.ResourceInUseException:
            arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
            dynamodb.tag_resource(ResourceArn=arn, Tags=tags)
        self.outputs = {"TokenServiceUrl": TOKEN_SERVICE, **outputs}
        if portal:
            self.s3.create_bucket(Bucket=self.bucket)
            self.outputs |= {
                "PortalUrl": URL,
                "PortalBucketName": self.bucket,
                "PortalDistributionId": self._distribution(),
            }
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in self.outputs.items()},
        }
        self.formation = emulators.client("cloudformation", endpoint)
        self.formation.create_stack(StackName=self.name, TemplateBody=json.dumps(template))

    def _distribution(self) -> str:
        origin = {
            "Id": "pages",
            "DomainName": f"{self.bucket}.s3.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        config = {
            "CallerReference": self.name,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "pages", "ViewerProtocolPolicy": "redirect-to-https"},
            "Comment": "",
            "Enabled": True,
        }
        return str(self.cloudfront.create_distribution(DistributionConfig=config)["Distribution"]["Id"])

    @property
    def objects(self) -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}

    def head(self, name: str) -> dict[str, Any]:
        return dict(self.s3.head_object(Bucket=self.bucket, Key=name))

    @property
    def invalidated(self) -> list[str]:
        """The paths, in no order."""
        distribution = self.outputs["PortalDistributionId"]
        listed = self.cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
        return [
            path
            for one in listed
            for path in self.cloudfront.get_invalidation(DistributionId=distribution, Id=one["Id"])["Invalidation"][
                "InvalidationBatch"
            ]["Paths"]["Items"]
        ]
