"""The provider ``nats``: NATS with JetStream."""
