"""Corpora: the dataset folder, one's own music brought into it, the encoded columns beside it."""

from counterpoint.data.encoded import Encoded, EncodedSplit, EncodedWriter, open_encoded
from counterpoint.data.ingest import IngestReport, ingest, print_report
from counterpoint.data.layout import FEATURES, SPLITS, MusicDataset, open_dataset, save_dataset

__all__ = [
    "FEATURES",
    "SPLITS",
    "Encoded",
    "EncodedSplit",
    "EncodedWriter",
    "IngestReport",
    "MusicDataset",
    "ingest",
    "open_dataset",
    "open_encoded",
    "print_report",
    "save_dataset",
]
