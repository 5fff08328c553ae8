"""Common options of several verbs, each written once; sampling settings are read from their configurations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from counterpoint.attributes import Attribute, classes_in
from counterpoint.cli import completion
from counterpoint.cli.output import Answer
from counterpoint.package import ROOT

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of the configuration, such as optimizer.learning_rate=1e-4; may be repeated.",
    ),
]


def _known_device(name: str) -> str:
    from counterpoint.config.device import check_device

    return check_device(name)


Device = Annotated[
    str,
    typer.Option(
        callback=_known_device,
        autocompletion=completion.devices,
        help="Device of the networks: auto (a GPU if there is one), cpu, cuda, cuda:1 for the second GPU, or mps.",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Format of the weights: fp32, fp16 or int8 on cpu; bf16, fp16 or fp32 on cuda; fp32 or fp16 on mps."
    ),
]
Compiled = Annotated[
    bool,
    typer.Option(
        "--compile", help="Compile the network (flow matching), which takes a minute and pays off for many clips."
    ),
]
BatchSize = Annotated[int, typer.Option(help="Greatest number of clips at once, fewer if memory is short.")]
CodecName = Annotated[
    str,
    typer.Option(autocompletion=completion.codecs, help="A codec from `counterpoint codecs`, a hub id or a folder."),
]
DurationS = Annotated[float, typer.Option("--duration-s", help="Length of a clip in seconds.")]
Split = Annotated[str, typer.Option(help="Dataset split to use.")]

Chords = Annotated[
    str | None,
    typer.Option(
        help='A chart, "C:0 Am:2 F:4 G:6" in seconds or "120 bpm | C | Am F |" in bars; or a .lab, .csv or .json.'
    ),
]
Melody = Annotated[Path | None, typer.Option(help="A melody to follow: MIDI, or audio from which it is extracted.")]
Drums = Annotated[Path | None, typer.Option(help="Audio of a drum loop to follow.")]

_SAMPLING = ROOT / "config" / "sampling.py"
_BASE = "SamplingConfig"
_TYPES: dict[str, Any] = {
    "tuple[float, float]": tuple[float, float],
    "float": float,
    "Positive": int,
    "int": int,
    "str": str,
}
"""The type of an option by the annotation of its field; the first match counts."""
_ANY = typer.Option(
    "--set",
    metavar="NAME=VALUE",
    help="Any setting of the model's paradigm by its name; may be repeated.",
    rich_help_panel="Sampling",
)


def reports(verb: Callable[..., None]) -> Callable[..., None]:
    """Add --quiet and --json to a verb, whose argument `answer` receives its output."""
    options = [
        _parameter("quiet", bool, False, typer.Option("--quiet", "-q", help="Print only errors.")),
        _parameter("as_json", bool, False, typer.Option("--json", help="Print the result as JSON, for programs.")),
    ]
    return _extended(verb, options, into="answer", gather=lambda values: Answer(**values))


def takes_sampling(verb: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every sampling setting of a built-in paradigm to a verb, and --set for those of others; its
    argument `sampling` is a mapping of them by name, with None for those that are not given."""
    options = [
        _parameter(attribute.name, _type(attribute) | None, None, typer.Option(**_words(attribute, panel=panel)))
        for panel, _, attribute in sampling_attributes()
    ]
    options.append(_parameter("settings", list[str] | None, None, _ANY))
    return _extended(verb, options, into="sampling", gather=_settings)


def sampling_attributes() -> list[tuple[str, str, Attribute]]:
    """(panel of the help, declaring class, attribute) of every setting."""
    found = []
    for owner, described in classes_in(_SAMPLING).items():
        if owner == _BASE or _BASE in described.bases:
            whose = described.constants.get("owner", "")
            panel = f"Sampling, {whose} only" if whose else "Sampling"
            found += [(panel, owner, attribute) for attribute in described.attributes.values()]
    return found


def refuse_options(
    context: typer.Context, because: str, *, named: Collection[str] = (), all_but: Collection[str] | None = None
) -> None:
    """Refuse options and arguments that the user gave, though they have no effect.

    Args:
        context: of the running verb.
        because: the reason, which ends the sentence: `without --continue`.
        named: names of their parameters.
        all_but: all parameters are refused except these.

    Raises:
        UserError: naming the options.
    """
    from counterpoint.config import UserError

    given = []
    for each in context.command.params:
        name = each.name or ""
        source = context.get_parameter_source(name)
        refused = name in named if all_but is None else name not in all_but
        if refused and source is not None and source.name == "COMMANDLINE":
            given.append(each.opts[0] if each.param_type_name == "option" else name.upper())
    if given:
        verb, what = ("have", "them") if given[1:] else ("has", "it")
        raise UserError(f"{' and '.join(given)} {verb} no effect {because}: leave {what} out.")


def names(text: str | None) -> list[str] | None:
    """The words of a list separated by commas; None for None."""
    return None if text is None else [name.strip() for name in text.split(",")]


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    from counterpoint.config.load import read_settings

    further = read_settings(values.pop("settings") or ())
    return {**values, **further}


def _type(attribute: Attribute) -> Any:
    return next(kind for text, kind in _TYPES.items() if text in attribute.annotation)


def _words(attribute: Attribute, *, panel: str) -> dict[str, Any]:
    pair = _type(attribute) == tuple[float, float]
    default = re.sub(r"[()'\"]", "", attribute.default)
    usual = "" if default == "None" else f" By default the model's own value, or else {default}."
    return {
        "help": f"{attribute.meaning}{usual}".replace("[", r"\["),
        "rich_help_panel": panel,
        "metavar": "LOW HIGH" if pair else None,
    }


def _parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _extended(
    verb: Callable[..., None],
    options: Sequence[inspect.Parameter],
    *,
    into: str,
    gather: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Add further options to a verb, which receives them in one argument.

    Args:
        into: the name of that argument, which is not an option itself.
        gather: converts the options' values by name to the value of the argument.
    """
    signature = inspect.signature(verb, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != into]

    @wraps(verb)
    def extended(*args: Any, **values: Any) -> None:
        given = {option.name: values.pop(option.name) for option in options}
        verb(*args, **values, **{into: gather(given)})

    parameters = [*own, *options]
    extended.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    extended.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del extended.__wrapped__
    return extended
