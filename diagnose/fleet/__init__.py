"""Runs of many contexts at once, each a process of its own, and what they say together."""
