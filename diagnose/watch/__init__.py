"""Watch: the same probes again and again, and what became of the path from round to round."""
