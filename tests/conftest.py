"""What all tests share: repeatable property tests, one thread for the small tensors of tests."""

import torch
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

torch.set_num_threads(1)  # a second one waits more than it computes
