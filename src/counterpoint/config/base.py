"""The base class of every typed configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from counterpoint.config.errors import UserError
from counterpoint.config.text import check_text

SEEDS = 2**63
"""Seeds are whole numbers from 0 to below this one, which every random number generator accepts."""
_WHOLE = 2**63
Positive = Annotated[int, Field(gt=0, lt=_WHOLE)]
Count = Annotated[int, Field(ge=0, lt=_WHOLE)]
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]
MOST_SECONDS = 365 * 24 * 3600.0
"""Durations are shorter: longer ones are not music, and frame numbers would lose precision."""
Seconds = Annotated[float, Field(gt=0, lt=MOST_SECONDS)]
Caption = Annotated[str, AfterValidator(lambda text: check_text(text, what="caption"))]
MOST_CLIPS = 1_000_000
"""Limit for one command."""


def check_seed(seed: int, *, count: int = 1) -> None:
    """Refuse a seed that is out of range, or so large that `count` consecutive seeds starting from it are.

    Raises:
        UserError: naming the seed and the largest allowed.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= SEEDS - count:
        raise UserError(f"The seed {seed} cannot be used: give a whole number from 0 to {SEEDS - count}.")


class Config(BaseModel):
    """A frozen configuration that refuses unknown keys, numbers that are not finite, and truth values for numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _truth_values_are_no_numbers(cls, values: Any) -> Any:
        """`steps: true` would be one step."""
        for key, value in values.items() if isinstance(values, Mapping) else ():
            field = cls.model_fields.get(str(key))
            if field is not None and _holds_bool(value) and not _takes_bool(field.annotation):
                raise ValueError(f"{key} must not be true or false")
        return values


def _holds_bool(value: Any) -> bool:
    if isinstance(value, Mapping):
        return False  # a group of keys checks its own
    return any(map(_holds_bool, value)) if isinstance(value, list | tuple) else isinstance(value, bool)


def _takes_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(map(_takes_bool, get_args(annotation)))
