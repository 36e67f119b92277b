"""The commands of the command line, a module each: its summary, its flags, and what it does."""
