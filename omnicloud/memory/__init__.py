"""The reference provider: every contract in memory, for tests and for reading."""
