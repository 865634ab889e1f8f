"""From a folder or a table on disk to a split: the contract of readers and what they share."""
