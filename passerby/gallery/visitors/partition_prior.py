"""How many persons are behind N passages, before anything is known of who they are.

Every number of persons from 1 to N is as likely. Given K, the shares of the persons in the passages
come from a symmetric Dirichlet distribution (Gnedin and Pitman 2006; Miller and Harrison 2018): of
a small concentration where few persons make most passages, of a great one where all make about as
many. Which it is, is learnt from the passages.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CONCENTRATIONS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Of the Dirichlet distribution, each as likely before."""


def log_partitions(count: int, concentration: float) -> NDArray[np.float64]:
    """ln Σ Π (γ)(γ + 1) … (γ + n_k − 1) over the partitions of ``count`` passages into K groups of
    n_k, for K from 0 to ``count`` [count + 1]; γ: the concentration.

    By the recurrence of the generalized factorial coefficients (Charalambides 2005):
    C(n + 1, K) = (n + γ K) C(n, K) + γ C(n, K − 1).
    """
    groups = np.arange(count + 1.0)
    found = np.full(count + 1, -np.inf)
    found[0] = 0.0
    for passages in range(count):
        with np.errstate(divide="ignore"):  # no passage in no group
            joined = found + np.log(passages + concentration * groups)
        alone = np.append(-np.inf, found[:-1] + math.log(concentration))
        found = np.logaddexp(joined, alone)
    return found


def log_rising(concentration: float, most: int) -> NDArray[np.float64]:
    """ln (γ)(γ + 1) … (γ + n − 1) for n from 0 to ``most`` [most + 1]."""
    return np.append(0.0, np.cumsum(np.log(concentration + np.arange(most))))
