"""Audio to music: chords, melody, beats, and the tags and embeddings of a trained listener. Import what you need."""
