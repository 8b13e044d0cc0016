"""What the user said: read from files, the environment and mappings, with where it was said."""
