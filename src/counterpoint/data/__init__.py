"""Corpora: the dataset folder, its encoded columns and control tracks, batches."""

from counterpoint.data.encoded import Encoded, EncodedSplit, EncodedWriter, open_encoded
from counterpoint.data.layout import FEATURES, SPLITS, MusicDataset, open_dataset, save_dataset

__all__ = [
    "FEATURES",
    "SPLITS",
    "Encoded",
    "EncodedSplit",
    "EncodedWriter",
    "MusicDataset",
    "open_dataset",
    "open_encoded",
    "save_dataset",
]
