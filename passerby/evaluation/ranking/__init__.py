"""From vectors to ranked lists: distances, re-ranking, expansion, centring."""
