"""The wire signature of one address: which PROXY headers it answers to, and what stands there, as far as that tells."""
