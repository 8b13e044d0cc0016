"""omnicloud over Amazon S3 and services that speak its protocol."""
