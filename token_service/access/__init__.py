"""Entitlements, and the tokens for them."""
