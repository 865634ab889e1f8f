"""Pictures that explain a model: maps over images, matches, and where vectors lie."""
