"""Access rules decided by the Cedar policy engine, in this process."""
