"""What any long work needs of its process: other processes, signals, progress, whole files."""
