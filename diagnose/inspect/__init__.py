"""Inspect: findings from objects and manifests alone. Nothing is sent, nothing is made."""
