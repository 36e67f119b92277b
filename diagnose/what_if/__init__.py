"""What if: what a Kong would conclude from a connection, out of the model alone. Nothing is sent."""
