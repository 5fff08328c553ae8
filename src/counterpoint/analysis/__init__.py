"""Audio to music: chords, and the tags and embeddings of a trained listener. Import the module you need."""
