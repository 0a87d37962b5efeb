"""What solutions are used for: the stream's consumer, the totals of each day, and reports of them."""
