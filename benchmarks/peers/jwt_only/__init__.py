"""A JWT check without a database."""
