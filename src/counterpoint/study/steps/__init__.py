"""The steps of a study, one module each: the run-time imports of a module determine its step's code version."""
