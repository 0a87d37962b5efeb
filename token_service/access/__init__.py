"""Who may do what, and the token that shows it."""
