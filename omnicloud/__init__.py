"""One set of contracts for key-value stores, caches, buckets, queues, locks and more."""
