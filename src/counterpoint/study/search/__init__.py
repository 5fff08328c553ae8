"""Searches over the settings of a sampler (App. D): points, rungs, the stopping rule, results."""
