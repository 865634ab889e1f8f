"""Distances, protocol and metrics: from saved embeddings to a Report. No model is needed here."""
