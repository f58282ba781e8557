"""Decisions: which target, in which order, what a failure means. Pure: `now` and `rng` are arguments."""
