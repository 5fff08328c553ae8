"""How fast sampling is, and how fast it could be: sweeps, ceilings of devices, rooflines. Knows nothing of studies."""
