"""Constraints: one file each. No placement breaks one."""
