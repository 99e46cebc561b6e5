"""A strategy on trial: what it declares of itself and what the contract asks, tried on real caches."""
