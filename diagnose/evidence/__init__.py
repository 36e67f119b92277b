"""All that a run saw, as values that can be saved, sent to a colleague, and explained again."""
