"""Pages of who came: counts of visitors, paths of persons."""
