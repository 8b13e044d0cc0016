"""omnicloud over Google Cloud Storage."""
