"""Music analysis from audio: chords, melody, beats, tags and embeddings. Import the module you need."""
