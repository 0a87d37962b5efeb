"""A search over AWS services: the first solution."""
