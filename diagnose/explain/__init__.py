"""Evidence in, explanations out: which worlds agree with what was seen, and what they have in common."""
