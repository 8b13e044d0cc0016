"""Packs everything at once onto as few equal machines as can be found in the time that is given."""
