"""Tests of a strategy on real caches: the contract, and what the strategy declares about itself."""
