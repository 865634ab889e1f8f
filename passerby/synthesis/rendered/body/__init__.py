"""A body, what it wears and how it moves: shapes, garments that follow them, bones, gait."""
