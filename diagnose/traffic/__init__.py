"""What Kong's access log says of where requests come from, read in a stream: nothing is sent, and no line is kept."""
