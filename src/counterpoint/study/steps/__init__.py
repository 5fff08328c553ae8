"""The steps of a study, one module each: what a module imports at run time is what its step's code version covers."""
