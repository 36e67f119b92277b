"""The backend behind Kong: records what reached it, interprets nothing. Standard library only."""
