"""The files in a Kong's prefix, as Kong writes them and ``head`` prints them."""

from __future__ import annotations

NGINX = """
server {
    server_name kong;
    listen 0.0.0.0:8000 proxy_protocol;

    real_ip_header proxy_protocol;
    real_ip_recursive off;
    set_real_ip_from 10.0.0.0/8;
    location / {
        set_real_ip_from 192.0.2.1;
    }
}

server {
    server_name kong_admin;
    real_ip_header X-Own;
    location / {
    }
}
"""
ENVIRONMENT = """# *************************
pg_password = hunter2
proxy_listen = 0.0.0.0:8000 proxy_protocol
real_ip_header = proxy_protocol
trusted_ips = 10.0.0.0/8
"""

OTHER_TRUST = NGINX.replace("10.0.0.0/8;", "0.0.0.0/0;")
"""nginx is told to trust what Kong's settings do not name."""


def printed(environment: str = ENVIRONMENT, nginx: str = NGINX, folder: str = "/kong_prefix") -> str:
    """As ``head`` prints the two files."""
    return f"==> {folder}/.kong_env <==\n{environment}\n==> {folder}/nginx-kong.conf <==\n{nginx}"
