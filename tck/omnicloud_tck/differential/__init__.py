"""The same random operations on every provider and on a plain model of its contract."""
