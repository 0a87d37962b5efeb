"""The gate as infrastructure as code, for APIs that CloudFormation, CDK or Terraform manage."""

from typing import Final

IMPORTED: Final = "!ImportValue gatepass-AuthorizerArn"

_SAM_REST: Final = """\
Api:
  Type: AWS::Serverless::Api
  Properties:
    StageName: prod
    Cors:
      AllowOrigin: "'*'"
      AllowHeaders: "'authorization,content-type'"
    Auth:
      DefaultAuthorizer: Gatepass
      AddDefaultAuthorizerToCorsPreflight: false
      Authorizers:
        Gatepass:
          FunctionArn: {arn}
          FunctionPayloadType: REQUEST
          Identity: {{ReauthorizeEvery: 0}}
          DisableFunctionDefaultPermissions: true
"""
_SAM_HTTP: Final = """\
HttpApi:
  Type: AWS::Serverless::HttpApi
  Properties:
    CorsConfiguration:
      AllowOrigins: ["*"]
      AllowHeaders: [authorization, content-type]
      AllowMethods: ["*"]
    Auth:
      DefaultAuthorizer: Gatepass
      Authorizers:
        Gatepass:
          FunctionArn: {arn}
          AuthorizerPayloadFormatVersion: "2.0"
          EnableSimpleResponses: true
          EnableFunctionDefaultPermissions: false
          Identity: {{ReauthorizeEvery: 0}}
"""
_CLOUDFORMATION_REST: Final = """\
GatepassAuthorizer:
  Type: AWS::ApiGateway::Authorizer
  Properties:
    RestApiId: !Ref Api          # and in each method: AuthorizationType CUSTOM, AuthorizerId !Ref GatepassAuthorizer
    Name: gatepass
    Type: REQUEST
    AuthorizerResultTtlInSeconds: 0
    AuthorizerUri: !Sub
      - "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{Arn}}/invocations"
      - Arn: {arn}
"""
_CLOUDFORMATION_V2: Final = """\
GatepassAuthorizer:
  Type: AWS::ApiGatewayV2::Authorizer
  Properties:
    ApiId: !Ref Api              # and in each route: AuthorizationType CUSTOM, AuthorizerId !Ref GatepassAuthorizer
    Name: gatepass
    AuthorizerType: REQUEST
{http}    AuthorizerUri: !Sub
      - "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{Arn}}/invocations"
      - Arn: {arn}
"""
_HTTP_ONLY: Final = """\
    AuthorizerPayloadFormatVersion: "2.0"
    EnableSimpleResponses: true
    AuthorizerResultTtlInSeconds: 0
"""


def sam(kind: str, arn: str = IMPORTED) -> str:
    """For a SAM template; WebSocket APIs have no resource of SAM's own."""
    return {"REST": _SAM_REST, "HTTP": _SAM_HTTP}[kind].format(arn=arn)


def cloudformation(kind: str, arn: str = IMPORTED) -> str:
    """For a CloudFormation template."""
    if kind == "REST":
        return _CLOUDFORMATION_REST.format(arn=arn)
    return _CLOUDFORMATION_V2.format(arn=arn, http=_HTTP_ONLY if kind == "HTTP" else "")


def for_api(kind: str, arn: str) -> str:
    """What `attach` prints for an API that CloudFormation manages."""
    parts = [] if kind == "WEBSOCKET" else ["# SAM\n" + sam(kind, arn)]
    return "\n".join([*parts, "# CloudFormation\n" + cloudformation(kind, arn)])
