"""Commands that answer to others: cases of evidence, and forgetting on request."""
