"""The floor of any handler."""
