"""A Kong outside Kubernetes, on a machine or in a container: named by its URLs, read by its logs and its Admin API."""
