"""Charts as SVG text, and the marks they are made of."""
