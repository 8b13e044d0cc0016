"""A shop's orders on omnicloud: taken over HTTP, carried out by a saga, told by an outbox."""
