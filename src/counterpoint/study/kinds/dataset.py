"""Quality of the music and captions of datasets: means and deviations over clips (Appendix A)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from counterpoint.config import UserError
from counterpoint.config.paths import true_path
from counterpoint.study.kinds.base import Study
from counterpoint.study.settings import Examples, SampleConfig
from counterpoint.study.surroundings import Surroundings, judges_there
from counterpoint.study.work import Source, Step

if TYPE_CHECKING:
    from counterpoint.results.schema import System

COMPOSED = "composed"
Label = Annotated[str, Field(pattern=r"^[a-zA-Z][\w-]*$")]


class DatasetStudy(Study):
    """All metrics with a value for a single clip, on a random sample of each dataset."""

    kind: Literal["dataset"]
    page: ClassVar[str] = "counterpoint.study.pages.dataset:dataset_report"
    composed: bool = True
    """Whether the embedded corpus is included."""
    datasets: dict[Label, Path] = Field(default_factory=dict)
    """Folders that `data ingest` wrote, by name; the one of `--data` is added under the name of its folder."""
    sample: SampleConfig = SampleConfig()
    examples: Examples = 3
    """Number of examples of each dataset, from the lowest to the highest value of a metric."""

    def summary(self) -> str:
        named = [*([COMPOSED] if self.composed else []), *self.datasets]
        music = ", ".join(named) or "the dataset of --data"
        return f"mean and deviation over {self.sample.clips:,} clips of {music}"

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        from counterpoint.study.steps.quality import judge_datasets
        from counterpoint.study.steps.sample import sample_clips

        sources = self._sources(around)
        samples = {
            label: Step(f"sample_{label}", sample_clips, self.sample, {"data": data}) for label, data in sources.items()
        }
        inputs = {step.name: step for step in samples.values()}
        config = {"labels": list(samples), "seed": self.sample.seed, "judges": judges_there()}
        return [*inputs.values(), Step("judge", judge_datasets, config, inputs)]

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        from counterpoint.results.schema import System

        labels = [name.removeprefix("sample_") for name in steps if name.startswith("sample_")]
        return {
            label: System(key=label, name=label, origin="truth", clips=(f"steps/sample_{label}/clips",))
            for label in labels
        }

    def _sources(self, around: Surroundings) -> dict[str, Step | Source]:
        """Each dataset, by label.

        Raises:
            UserError: there is none, a folder is not a dataset, or two have the same name.
        """
        folders, dataset = dict(self.datasets), around.dataset
        if dataset is not None:
            label = re.sub(r"[^\w-]+", "-", true_path(dataset).name)
            if label in folders or label == COMPOSED:
                raise UserError(f"Two datasets are named {label!r}; name this one with --set datasets.NAME={dataset}.")
            folders[label] = dataset
        found = {COMPOSED: Surroundings().music(self.compose)} if self.composed else {}
        found |= {label: around.music(self.compose, folder=folder.expanduser()) for label, folder in folders.items()}
        if not found:
            raise UserError(
                "There is no dataset to evaluate: give one with --data, or several with --set datasets.NAME=FOLDER."
            )
        return found
