"""Training of codecs (App. E)."""

from counterpoint.training.codec.train import train_codec

__all__ = ["train_codec"]
