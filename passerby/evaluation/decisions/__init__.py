"""From distances to decisions: pairs, likelihood ratios, calibration, open set."""
