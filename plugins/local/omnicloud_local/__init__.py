"""The embedded default: durable, safe between processes, no server to install."""
