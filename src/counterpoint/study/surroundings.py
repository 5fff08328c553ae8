"""The surroundings of a study's plan, which determine the keys of its steps: the user's music, codecs and devices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.bench.machine import Device
from counterpoint.config import ModelConfig, UserError, digest, parse
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.paths import true_path
from counterpoint.config.remote import url_of
from counterpoint.config.weights import SHIPPED_ALIASES
from counterpoint.study.settings import ComposeConfig
from counterpoint.study.work import Source, Step


@dataclass(frozen=True)
class CodecIdentity:
    """A codec in the keys of steps.

    Attributes:
        place: its name, or its path if it is a folder.
        fingerprint: digest of its weights.
    """

    place: str
    fingerprint: str
    num_codebooks: int
    keeps_phase: bool

    @property
    def config(self) -> dict[str, Any]:
        """The part of the codec in the keys of its steps."""
        return {"codec": self.place, "fingerprint": self.fingerprint, "num_codebooks": self.num_codebooks}


@dataclass(frozen=True)
class Surroundings:
    """Surroundings that are inspected, so that foreseeable errors occur at once.

    Attributes:
        dataset: the user's own dataset, instead of composed music.
    """

    dataset: Path | None = None

    def music(self, compose: ComposeConfig, *, folder: Path | None = None) -> Step | Source:
        """The dataset in `folder`, by default the user's own, else the embedded corpus.

        Raises:
            UserError: there is no dataset in the folder.
        """
        from counterpoint.study.steps.compose import compose_corpus

        folder = folder or self.dataset
        return Step("data", compose_corpus, compose) if folder is None else self._source(folder)

    def codec(self, name: str) -> CodecIdentity:
        """The codec of a name, a folder or a hub id.

        Raises:
            UserError: it cannot be loaded.
        """
        from counterpoint.codec import shipped_codecs
        from counterpoint.study.loading import read_codec

        codec, folder = read_codec(name), Path(name).expanduser()
        ships = name in shipped_codecs() or name in SHIPPED_ALIASES.values()
        place = str(true_path(folder)) if folder.is_dir() and not ships else name
        return CodecIdentity(place, codec.fingerprint, codec.num_codebooks, codec.keeps_phase)

    def device(self, device: Device) -> str:
        """The name of the device of this machine.

        Raises:
            UserError: there is no such device.
        """
        from counterpoint.bench.machine import device_name

        return device_name(device)

    def _source(self, folder: Path) -> Source:
        from counterpoint.data import open_dataset

        opened = open_dataset(folder)
        return Source("data", true_path(opened.folder), opened.fingerprint())


class Unseen(Surroundings):
    """Surroundings that are not inspected: an estimate needs no music, no weights of codecs and no device. The keys of
    its steps do not correspond to any results."""

    def codec(self, name: str) -> CodecIdentity:
        from counterpoint.runs.latents import known_latent

        return CodecIdentity(name, "", known_latent(name).spec.num_codebooks, keeps_phase=True)

    def device(self, device: Device) -> str:
        return device

    def _source(self, folder: Path) -> Source:
        return Source("data", folder if url_of(folder) else true_path(folder), "")


def clips_source(folder: Path) -> Source:
    """A folder of clips, identified by the content of its files.

    Raises:
        UserError: see `load_generated`.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.metrics import load_generated

    parts = {clip.key: [file_digest(clip.audio), clip.caption] for clip in load_generated(Path(folder).expanduser())}
    return Source(folder.name, true_path(folder.expanduser()), digest(parts))


def shipped_source(name: str) -> Source:
    """A model of the package.

    Raises:
        UserError: there is no model of that name.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.runs import SHIPPED_MODELS, shipped_models

    if name not in shipped_models():
        raise UserError(
            f"The package has no model {name!r}{did_you_mean(name, shipped_models())}; its models are "
            f"{', '.join(shipped_models()) or 'none'}."
        )
    parts = {file.name: file_digest(file) for file in (SHIPPED_MODELS / name).glob("model.*")}
    return Source(name, SHIPPED_MODELS / name, digest(parts))


def shipped_network(name: str) -> ModelConfig:
    """The network of a model that comes with the package.

    Raises:
        UserError: there is no model of that name.
    """
    from counterpoint.runs import read_description

    folder = shipped_source(name).path
    return parse(read_description(folder)["model"], ModelConfig, source=name, saved=True)


def judges_there() -> list[tuple[str, str]]:
    """The judges and their versions, which are part of the key of steps that evaluate."""
    from counterpoint.metrics.registry import judges

    return [(judge.name, judge.version) for judge in judges()]
