"""Services of AWS as omnicloud's contracts: Secrets Manager, DynamoDB, SQS."""
