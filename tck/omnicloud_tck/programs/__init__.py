"""Random programs over every request of a contract, each answer held against a plain model."""
