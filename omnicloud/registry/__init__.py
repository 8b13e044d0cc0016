"""Which providers there are."""
