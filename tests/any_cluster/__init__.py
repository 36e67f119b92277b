"""Scenarios for a cluster of the reader's own, with a real Kong in it."""
