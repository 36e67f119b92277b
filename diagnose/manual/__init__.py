"""What is told of the command line outside of it: the manual page and completion, both made from its parsers."""
