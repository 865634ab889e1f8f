"""Pages of forgetting: what was found, to be looked at, and the certificate."""
