"""A trained model as a file of another runtime, with proof that its vectors are the same."""
