"""A person is forgotten on request: found, shown, removed, certified, not enrolled again."""
