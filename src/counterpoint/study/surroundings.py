"""What a study is planned in: the user's music, codecs and devices, which the keys of its steps depend on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.bench.machine import Device
from counterpoint.config import ModelConfig, UserError, digest, parse
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.weights import SHIPPED_ALIASES
from counterpoint.study.engine import Source, Step
from counterpoint.study.settings import ComposeConfig


@dataclass(frozen=True)
class CodecIdentity:
    """A codec as its steps know it.

    Attributes:
        place: its name, or its path where it is a folder.
        fingerprint: digest of its weights.
    """

    place: str
    fingerprint: str
    num_codebooks: int
    keeps_phase: bool

    @property
    def config(self) -> dict[str, Any]:
        """What its steps are keyed by."""
        return {"codec": self.place, "fingerprint": self.fingerprint, "num_codebooks": self.num_codebooks}


@dataclass(frozen=True)
class Surroundings:
    """Everything is looked at, so that what would fail later fails at once.

    Attributes:
        dataset: the user's own, instead of composing.
    """

    dataset: Path | None = None

    def music(self, compose: ComposeConfig, *, folder: Path | None = None) -> Step | Source:
        """The dataset in `folder`, by default the user's own; the embedded corpus where there is none.

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
        place = str(folder.resolve()) if folder.is_dir() and not ships else name
        return CodecIdentity(place, codec.fingerprint, codec.num_codebooks, codec.keeps_phase)

    def device(self, device: Device) -> str:
        """What the device of this machine is.

        Raises:
            UserError: there is none.
        """
        from counterpoint.bench.machine import device_name

        return device_name(device)

    def _source(self, folder: Path) -> Source:
        from counterpoint.data import open_dataset

        return Source("data", folder.resolve(), open_dataset(folder).fingerprint())


class Unseen(Surroundings):
    """Nothing is looked at: an estimate needs no music, no weights of codecs and no device. The keys of its steps are
    those of no results."""

    def codec(self, name: str) -> CodecIdentity:
        from counterpoint.runs.latents import known_latent

        return CodecIdentity(name, "", known_latent(name).spec.num_codebooks, keeps_phase=True)

    def device(self, device: Device) -> str:
        return device

    def _source(self, folder: Path) -> Source:
        return Source("data", folder.resolve(), "")


def clips_source(folder: Path) -> Source:
    """A folder of clips, identified by the content of its files.

    Raises:
        UserError: what `load_generated` raises.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.metrics import load_generated

    parts = {clip.key: [file_digest(clip.audio), clip.caption] for clip in load_generated(Path(folder).expanduser())}
    return Source(folder.name, folder.expanduser().resolve(), digest(parts))


def shipped_source(name: str) -> Source:
    """A model that comes with the package.

    Raises:
        UserError: there is none of that name.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.runs import SHIPPED_MODELS, shipped_models

    if name not in shipped_models():
        raise UserError(
            f"No model named {name!r} ships{did_you_mean(name, shipped_models())}; those that do are "
            f"{', '.join(shipped_models()) or 'none'}."
        )
    parts = {file.name: file_digest(file) for file in (SHIPPED_MODELS / name).glob("model.*")}
    return Source(name, SHIPPED_MODELS / name, digest(parts))


def shipped_network(name: str) -> ModelConfig:
    """The network of a model that comes with the package.

    Raises:
        UserError: there is none of that name.
    """
    from counterpoint.runs import read_description

    folder = shipped_source(name).path
    return parse(read_description(folder)["model"], ModelConfig, source=name, saved=True)


def judges_there() -> list[tuple[str, str]]:
    """The judges and their versions: part of the key of steps that judge, so that they run again with other judges."""
    from counterpoint.metrics.registry import judges

    return [(judge.name, judge.version) for judge in judges()]
