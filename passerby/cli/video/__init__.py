"""Commands on video: ``passerby watch``."""
