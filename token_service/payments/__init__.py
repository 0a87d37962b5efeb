"""Payments: what is sold, what was ordered, and what each payment gives."""
