"""Benchmarks: each measures against a named peer, side by side in one run, and prints ratios with their spread."""
