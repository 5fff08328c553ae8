"""Speed of sampling and its limits: sweeps, limits of devices, rooflines. It does not depend on studies."""
