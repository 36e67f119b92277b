"""Tests against a real Kubernetes cluster that they bring up themselves."""
