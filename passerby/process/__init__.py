"""What any work needs of its process: other processes, signals, cores, reporting, whole files."""
