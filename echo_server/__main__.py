"""``python -m echo_server``: the echo, told what to do by KONGIP_* variables."""

from echo_server.server import main

if __name__ == "__main__":
    main()
