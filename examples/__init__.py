"""Solutions to put the gate in front of."""
