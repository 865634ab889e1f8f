"""Routes by which somebody answers for what is done: forgetting, evidence."""
