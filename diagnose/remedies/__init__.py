"""Remedies: changes to a world, tried on every case that remains before they are printed."""
