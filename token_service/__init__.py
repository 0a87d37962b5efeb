"""The control plane: users, entitlements, tokens and signing keys."""
