"""A model fine-tuned on unlabelled sightings of the cameras that it is to be used on."""
