"""Objectives: one file each. They say which of the permitted nodes is best."""
