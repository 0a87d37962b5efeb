"""The control plane: who may do what, and the token that says so."""
