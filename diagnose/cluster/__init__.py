"""A Kong in a Kubernetes cluster: finding it, deploying the echo beside it, reading what it says."""
