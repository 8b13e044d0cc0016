"""Containers as plain processes of this machine, where there is no container engine."""
