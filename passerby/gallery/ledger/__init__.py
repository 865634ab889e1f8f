"""Who is who, as people decided: each decision is an event that can be undone."""
