"""Users: registration, sign-in, sessions and account deletion."""
