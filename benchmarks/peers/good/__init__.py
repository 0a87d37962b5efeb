"""A good conventional authorizer."""
