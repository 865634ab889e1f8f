"""What a run leaves: its log, curves, states and what resumes it."""
