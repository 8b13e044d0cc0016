"""Any two calls of a contract at once, cancelled or cut off, beside one after another."""
