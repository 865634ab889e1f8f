"""From pairs that somebody judged to a calibration: few of them, so that the prior counts."""
