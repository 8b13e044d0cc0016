"""Secrets from SOPS files encrypted with age."""
