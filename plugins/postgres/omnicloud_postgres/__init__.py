"""omnicloud over PostgreSQL."""
