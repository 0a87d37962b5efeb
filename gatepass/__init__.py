"""The operator's command. Never bundled into a Lambda function."""
