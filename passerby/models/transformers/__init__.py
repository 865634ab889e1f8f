"""Parts that several transformers share; the networks are systems and backbones."""
