"""Systems, one file each: complete networks of the literature (see `passerby.models.system`)."""
