"""The operator's command. Never bundled into a Lambda function."""

__version__ = "0.2.0"
