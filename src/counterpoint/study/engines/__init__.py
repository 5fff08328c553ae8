"""Engines that run several steps at once: in processes of one machine, on a Ray cluster, or on a Slurm cluster.

All engines use the same schedule (`dispatch`) with a pool (`Pool`) that reports how each step ended. Results, keys and
locks are those of `study.engine.LocalEngine`, which each worker uses, so every engine finds the results of the others.
"""
