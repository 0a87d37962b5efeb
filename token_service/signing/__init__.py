"""The key ring: the life of its keys, and the keys in KMS."""
