"""Bytes on the wire and what came back: probes, their outcomes, and the one door to the network."""
