"""One training loop, for paradigms and for codecs."""

from counterpoint.training.codec import train_codec
from counterpoint.training.generative import train
from counterpoint.training.monitor import TrainingStopped, read_metrics
from counterpoint.training.result import TrainingResult

__all__ = ["TrainingResult", "TrainingStopped", "read_metrics", "train", "train_codec"]
