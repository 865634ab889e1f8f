"""A model and data to a result: scored, verified, calibrated, compared."""
