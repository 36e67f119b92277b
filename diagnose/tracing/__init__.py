"""Tracing: what the path to a published address tells of what answers there."""
