"""What workloads will use, alone and together, told from what they used so far."""
