"""OpenStack Barbican as a secrets contract of omnicloud."""
