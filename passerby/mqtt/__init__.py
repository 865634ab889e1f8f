"""A gallery beside a message broker: passages and identities out, Frigate's snapshots in."""
