"""Captures: what packets tell of a connection, point by point. Values in, values out; packets are read in probes."""
