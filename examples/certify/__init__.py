"""Released libraries of others, each under the laws of the contract that is nearest to it."""
