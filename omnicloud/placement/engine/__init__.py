"""Filter, score, reserve: from a snapshot to a decision."""
