"""A kv provider that keeps one file for each key."""
