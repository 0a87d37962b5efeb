"""The whole system on one simulated clock, run by a seed (docs/simulation.md)."""
