"""The embedded labs: a whole path on loopback addresses within this process, with real sockets and real bytes."""
