"""Networks: backbone -> pooling -> neck -> classifier, and their parts."""
