"""Placeholders for addresses and names, so that a report or saved evidence can be shown to others."""
