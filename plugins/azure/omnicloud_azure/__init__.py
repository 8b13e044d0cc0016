"""omnicloud over Azure Blob Storage."""
