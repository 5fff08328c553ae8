"""A search over the settings of a sampler (App. D): its points, its rungs, the rule that stops points, its result."""
