"""How many different people were seen, with an interval."""
