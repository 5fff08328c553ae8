"""One training loop for both paradigms, and one for codecs."""

from counterpoint.training.codec import CodecTrainingResult, train_codec
from counterpoint.training.loop import TrainingResult, train
from counterpoint.training.monitor import TrainingStopped, read_metrics

__all__ = ["CodecTrainingResult", "TrainingResult", "TrainingStopped", "read_metrics", "train", "train_codec"]
