"""omnicloud over Redis and Valkey."""
