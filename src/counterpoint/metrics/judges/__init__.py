"""The judges: networks that analyse clips. A new judge is a new file here and a line in `registry.py`."""
