"""Where hits go: ONE FILE EACH, named by kind; an address opens one (`addresses.open_sink`)."""
