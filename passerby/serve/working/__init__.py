"""What works on requests: threads with galleries, batches of images, a detector."""
