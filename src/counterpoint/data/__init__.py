"""Corpora: the dataset folder, one's own music brought into it, the encoded columns beside it."""

from counterpoint.data.layout import FEATURES, SPLITS, MusicDataset, open_dataset, save_dataset

__all__ = ["FEATURES", "SPLITS", "MusicDataset", "open_dataset", "save_dataset"]
