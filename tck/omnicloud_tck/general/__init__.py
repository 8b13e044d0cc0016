"""Laws that every contract has in common."""
