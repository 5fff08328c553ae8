"""Engines that run several steps at once: in processes of one machine, on a Ray cluster, on a Slurm cluster.

All of them are one schedule (`dispatch`) over a pool (`Pool`) that says what became of each step. Results, keys and
locks are those of `study.engine.LocalEngine`, which each worker uses, so every engine finds what another has finished.
"""
