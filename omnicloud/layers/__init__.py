"""What every call gets, written once for all contracts; ``order`` says in which order."""
