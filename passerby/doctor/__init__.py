"""What `passerby doctor` says: of the installation, the machine, and traps that it shows."""
