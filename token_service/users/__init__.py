"""Who somebody is: registration, sessions, and the end of an account."""
