"""The authorizer of blueprints and posts."""
