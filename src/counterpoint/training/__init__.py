"""One training loop for both paradigms."""
