"""The report: its values, and the formats that show it."""
