"""The key ring: the life cycle of its keys, and the keys in KMS."""
