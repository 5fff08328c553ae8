"""The networks that listen to clips. A new one is a new file here and a line in `registry.py`."""
