"""Certificates: what they say, how they are made, signed, verified and shown."""
