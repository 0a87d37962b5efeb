"""What the CloudFormation stack of Gatepass says of itself."""

from gatepass.aws_calls import Aws


def stack_outputs(aws: Aws, stack: str) -> dict[str, str]:
    """The outputs by name; raises `CallFailed` where the stack cannot be read.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """
    answer = aws.call("cloudformation", "describe_stacks", StackName=stack)
    return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", ())}
