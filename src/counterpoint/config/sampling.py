"""How to draw from a trained model: settings that every paradigm reads, and those of each built-in one.

A paradigm names its class in its registry entry. Settings of another paradigm are unknown to it and refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from counterpoint.config.base import Config, Positive
from counterpoint.config.errors import UserError
from counterpoint.config.idle import IdleWhere
from counterpoint.config.load import parse
from counterpoint.config.registry import Registry

PARADIGMS: Registry[Any] = Registry("counterpoint.paradigms", noun="paradigm")
"""The same registry as `counterpoint.paradigm.PARADIGMS`, without the types that this package cannot import."""
SOLVERS: Registry[Any] = Registry("counterpoint.solvers", noun="solver")
ParadigmName = Annotated[str, AfterValidator(PARADIGMS.check)]
"""The name of an installed paradigm."""


MOST_STEPS = 100_000
"""Beyond it, a clip takes hours, and the error of any solver was that of rounding long before."""
MOST_TEMPERATURE = 100.0
"""Beyond it, all tokens are as likely, and noise overflows."""
MOST_GUIDANCE = 100.0
"""Beyond it, numbers of half precision overflow."""


class SamplingConfig(Config):
    """The settings of all paradigms. This class itself means any paradigm, with its own settings at their defaults."""

    owner: ClassVar[str] = ""
    """The paradigm whose settings these are, in words."""

    guidance: Annotated[float, Field(ge=0, le=MOST_GUIDANCE)] = 3.0
    """Classifier-free guidance c: u + c (cond - u), cond with caption and controls, u with neither."""
    text_guidance: Annotated[float, Field(ge=-MOST_GUIDANCE, le=MOST_GUIDANCE)] = 0.0
    """Multi-source guidance (JASCO): the weight c_text of a third pass with the caption alone. The result is
    c all + c_text text + (1 - c - c_text) null; 0 leaves that pass out."""
    temperature: Annotated[float, Field(ge=0, le=MOST_TEMPERATURE), IdleWhere("top_k", 1)] = 1.0
    """Auto-regressive: logits are divided by it, and 0 is greedy. Flow matching: the noise that it begins with is
    multiplied by it (Mehta et al., 2024), not in zero-shot inpainting; the paper has 1."""

    @property
    def procedure(self) -> str:
        """How music is sampled, in a word: `tokens`, `euler`."""
        return ""

    @property
    def adaptive(self) -> bool:
        """Whether the number of passes of the network is decided while sampling."""
        return False

    @property
    def brief(self) -> str:
        """The setting that distinguishes rows of one paradigm in a table of speeds, such as a number of steps; or
        nothing."""
        return ""

    @classmethod
    def of(cls, sampling: SamplingConfig) -> Self:
        """`sampling` itself, if it is of this class; shared settings alone leave the settings of this class at their
        defaults.

        Raises:
            UserError: they are another paradigm's.
        """
        if isinstance(sampling, cls):
            return sampling
        if type(sampling) is SamplingConfig:
            return cls(**sampling.model_dump())
        raise UserError(f"The sampling settings are for {sampling.owner}: give a {cls.__name__} to {cls.owner}.")

    @model_validator(mode="before")
    @classmethod
    def _names_its_own(cls, values: Any) -> Any:
        unknown = [key for key in values if key not in cls.model_fields] if isinstance(values, Mapping) else []
        if unknown and cls.owner:
            raise ValueError(
                f"{cls.owner} has no setting {', '.join(map(str, unknown))}; its settings are "
                f"{', '.join(cls.model_fields)}"
            )
        return values


class AutoregressiveSampling(SamplingConfig):
    """How to draw tokens."""

    owner: ClassVar[str] = "auto-regression"

    top_k: Annotated[int, Field(ge=0), IdleWhere("temperature", 0)] = 250
    """0 keeps every token."""
    top_p: Annotated[float, Field(gt=0, le=1), IdleWhere("temperature", 0), IdleWhere("top_k", 1)] = 1.0
    """1 keeps every token."""
    codebooks: Positive | None = None
    """The number of codebooks that are decoded, counted from the coarsest; None decodes all. A small model hardly knows
    the codes of the finest ones, and what it draws of them is noise."""

    @property
    def procedure(self) -> str:
        return "tokens"


def _has_steps_of_its_own(solver: str) -> bool:
    return SOLVERS[solver].evaluations_a_step is None


def _has_a_fixed_grid(solver: str) -> bool:
    return not _has_steps_of_its_own(solver)


class FlowMatchingSampling(SamplingConfig):
    """How to integrate the velocity."""

    owner: ClassVar[str] = "flow matching"

    solver: Annotated[str, AfterValidator(SOLVERS.check)] = "euler"
    """A registered solver (`paradigm.solvers`): euler, midpoint, heun, adams, dopri5, or one of another package."""
    steps: Annotated[Positive, Field(le=MOST_STEPS), IdleWhere("solver", _has_steps_of_its_own)] = 50
    """Steps of a solver with a fixed grid; dopri5 is the only built-in solver without one."""
    sway: Annotated[
        float, Field(ge=-1, le=2 / (math.pi - 2)), IdleWhere("solver", _has_steps_of_its_own), IdleWhere("steps", 1)
    ] = 0.0
    """s of sway sampling (F5-TTS), which moves steps of the grid towards the noise (< 0) or the data (> 0); 0 is
    uniform. Beyond its range time would run backwards."""
    guidance_interval: Annotated[tuple[float, float], IdleWhere("guidance", 1, also=IdleWhere("text_guidance", 0))] = (
        0.0,
        1.0,
    )
    """Guidance is applied for t in it, both ends included (Kynkäänniemi et al., 2024); elsewhere the conditional
    branch alone is evaluated, at half the cost."""
    tolerance: Annotated[float, Field(gt=0), IdleWhere("solver", _has_a_fixed_grid)] = 1e-5
    """The absolute and relative tolerance of dopri5."""

    @property
    def procedure(self) -> str:
        return self.solver

    @property
    def adaptive(self) -> bool:
        return _has_steps_of_its_own(self.solver)

    @property
    def brief(self) -> str:
        if self.adaptive:
            return self.solver
        return f"{self.steps}" if self.solver == "euler" else f"{self.solver}-{self.steps}"

    @field_validator("guidance_interval")
    @classmethod
    def _within_the_unit_interval(cls, interval: tuple[float, float]) -> tuple[float, float]:
        low, high = interval
        if not 0 <= low <= high <= 1:
            raise ValueError("it must be two times in order, 0 (noise) <= low <= high <= 1 (data)")
        return interval


def read_sampling(paradigm: str, values: Mapping[str, Any], *, source: str = "sampling") -> SamplingConfig:
    """Settings as the class of a paradigm.

    Raises:
        UserError: the paradigm or a setting is unknown, or a value does not fit.
    """
    kind: type[SamplingConfig] = PARADIGMS[paradigm].sampling
    return parse(dict(values), kind, source=source)


def pick_sampling(paradigm: str, pool: Mapping[str, Any]) -> SamplingConfig:
    """Settings of a paradigm from a pool that may hold settings of others too, which are ignored; see
    `read_sampling`."""
    known = PARADIGMS[paradigm].sampling.model_fields
    return read_sampling(paradigm, {name: value for name, value in pool.items() if name in known})


def sampling_in(field: str) -> BeforeValidator:
    """For a mapping from the names of paradigms to configurations: reads their `field` as settings of the paradigm."""

    def convert(values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {
            name: {**value, field: _read(name, value.get(field, {}))} if isinstance(value, Mapping) else value
            for name, value in values.items()
        }

    return BeforeValidator(convert)


def _read(paradigm: str, value: Any) -> Any:
    return read_sampling(paradigm, value, source=paradigm) if isinstance(value, Mapping) else value


def _each_its_own(values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    return {name: _read(name, value) for name, value in values.items()}


AnySampling = SerializeAsAny[SamplingConfig]
"""The settings of some paradigm; dumped with all fields of its class."""
SamplingByParadigm = Annotated[dict[ParadigmName, AnySampling], BeforeValidator(_each_its_own)]
"""How to draw from each of several paradigms, each by settings of its own class."""
