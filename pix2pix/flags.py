"""Turns the fields of dataclasses into command-line flags, and objects back into flags."""

import argparse
import itertools
import os
from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from pix2pix.config import MODEL_SETTINGS, Config
from pix2pix.errors import UserError
from pix2pix.fields import Setting, settings_of
from pix2pix.options import Options


@dataclass(frozen=True)
class Subset:
    """Selects some settings of a dataclass; those on the command line are parsed into a dict.

    Attributes:
        cls: the dataclass that declares the settings.
        names: the settings to select.
        fixed: other settings, which the dict contains as well.
        default_help: what --help shows as every default, unless empty.
    """

    cls: type
    names: tuple[str, ...]
    fixed: dict[str, Any] = field(default_factory=dict)
    default_help: str = ""


def parse(
    description: str,
    arguments: list[str] | None = None,
    program: str | None = None,
    required: Collection[str] = (),
) -> tuple[Config, Options]:
    """Reads the flags of `pix2pix train`; exits with 2 on a usage error, as argparse does."""
    config, options = parse_as((Config, Options), description, arguments, program, required)
    return config, options


def parse_as(
    parts: tuple[type | Subset, ...],
    description: str,
    arguments: list[str] | None = None,
    program: str | None = None,
    required: Collection[str] = (),
) -> tuple:
    """Reads a command line into one object for each dataclass and one dict for each `Subset`.

    Exits with 2 on a usage error, as argparse does.

    Args:
        parts: dataclasses whose fields are made with `setting()`, and subsets of them.
        description: text at the start of --help.
        arguments: the arguments of the command line; None for `sys.argv[1:]`.
        program: name in --help and in messages; None for the file name in `sys.argv[0]`.
        required: settings that are required in addition to those without a default.
    """
    selections = [_select(part, required) for part in parts]
    parser = _Parser(
        program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_arguments(parser, list(itertools.chain(*selections)))
    values = vars(parser.parse_args(arguments))
    try:
        return tuple(
            _build(part, {spec.name: values[spec.name] for spec in selected if spec.name in values})
            for part, selected in zip(parts, selections, strict=True)
        )
    except UserError as error:
        parser.error(str(error))


def flag_arguments(settings: object, names: Collection[str] | None = None) -> list[str]:
    """Returns the flags that set the fields of a dataclass, except for fields at their default.

    `names` are the settings to include; None for all.
    """
    declared = [spec for spec in settings_of(type(settings)) if names is None or spec.name in names]
    defaults = _defaults(settings)
    arguments = []
    for spec in declared:
        value = getattr(settings, spec.name)
        if value is None or value == defaults[spec.name]:
            continue
        arguments.append(f"--no-{spec.name}" if value is False else f"--{spec.name}")
        if not isinstance(value, bool):
            arguments += map(str, value) if spec.repeated else [_word_for(spec, value)]
    return arguments


def _word_for(spec: Setting, value: Any) -> str:
    return next((word for word, meaning in spec.words.items() if meaning == value), str(value))


def _defaults(settings: object) -> dict[str, Any]:
    """Returns the default of each field; some defaults depend on the values of other fields."""
    declared = settings_of(type(settings))
    defaults = {spec.name: spec.default for spec in declared}
    decisive = {spec.name: getattr(settings, spec.name) for spec in declared if spec.sets_defaults}
    if decisive:
        derived = _create(type(settings), decisive)
        defaults |= {name: getattr(derived, name) for name in defaults if name not in decisive}
    if isinstance(settings, Config) and settings.init_from is not None:
        # The defaults are the model's, which are not known here, so each value needs its flag.
        defaults |= dict.fromkeys(MODEL_SETTINGS, MISSING)
        defaults |= {name: getattr(settings, name) for name in settings.inherited}
    return defaults


def _create(cls: type, values: dict[str, Any]) -> Any:
    return cls.of_recipe(**values) if cls is Config else cls(**values)


def _build(part: type | Subset, values: dict[str, Any]) -> Any:
    """Returns the object or dict of `part`. Raises `UserError` for `values` that conflict."""
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    if not isinstance(part, Subset):
        return _create(part, values)
    values |= part.fixed
    _create(part.cls, values)
    return values


def _select(part: type | Subset, required: Collection[str]) -> list[Setting]:
    """Returns the settings of `part`, with the defaults and help of this command line."""
    if isinstance(part, Subset):
        declared = {spec.name: spec for spec in settings_of(part.cls)}
        settings = [declared[name] for name in part.names]
        settings = [
            replace(spec, default_help=part.default_help or spec.default_help) for spec in settings
        ]
    else:
        settings = list(settings_of(part))
    return [replace(spec, default=MISSING) if spec.name in required else spec for spec in settings]


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line, where argparse would print all flags first."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help lists the flags)\n")


def _add_arguments(parser: argparse.ArgumentParser, settings: list[Setting]) -> None:
    usage = [
        f"{spec.name} [{spec.name} ...]".upper()
        if spec.is_required
        else f"[{spec.name.upper()} ...]"
        for spec in settings
        if spec.positional
    ]
    parser.usage = " ".join(["%(prog)s", *usage, "[flag ...]"])
    group: argparse._ActionsContainer = parser
    for spec in settings:
        if spec.group:
            group = parser.add_argument_group(spec.group)
        _add_argument(group, spec)


def _add_argument(group: argparse._ActionsContainer, spec: Setting) -> None:
    # An absent flag adds no value, so that the default can depend on other settings.
    keywords: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(spec)}
    if spec.positional:
        group.add_argument(
            spec.name,
            nargs="+" if spec.is_required else "*",
            type=_reader(spec),
            metavar=spec.name.upper(),
            **keywords,
        )
        return
    names = list(dict.fromkeys([f"--{spec.name}", f"--{spec.name.replace('_', '-')}"]))
    keywords["required"] = spec.is_required
    if spec.type is bool and spec.default is True:
        group.add_argument(*names, action=argparse.BooleanOptionalAction, **keywords)
        keywords |= {"dest": spec.name, "help": argparse.SUPPRESS}
        group.add_argument(f"--no_{spec.name}", action="store_false", **keywords)
        return
    if spec.type is bool:
        group.add_argument(*names, action="store_true", **keywords)
        return
    if spec.choices:
        keywords["choices"] = spec.choices
    else:
        keywords["metavar"] = spec.type.__name__.upper()
    if spec.repeated:
        keywords["nargs"] = "+"
    group.add_argument(*names, type=_reader(spec), **keywords)


def _reader(spec: Setting) -> Callable[[str], Any]:
    """Returns the function that turns a word of the command line into a value."""
    if spec.words:
        return _word_reader(spec)
    if spec.type is not Path and not spec.may_be_path:
        return spec.type

    def read_path(word: str) -> Any:
        # The shell leaves ~ as it is after an equals sign, and in quotes.
        return spec.type(os.path.expanduser(word))  # noqa: PTH111

    read_path.__name__ = spec.type.__name__  # for argparse's messages
    return read_path


def _word_reader(spec: Setting) -> Callable[[str], Any]:
    def read_word(word: str) -> Any:
        return spec.words[word] if word in spec.words else spec.type(word)

    read_word.__name__ = spec.type.__name__  # for argparse's messages
    return read_word


def _help(spec: Setting) -> str:
    """Returns the help of a flag with its default."""
    note = "required" if spec.is_required else f"default: {_default_help(spec)}"
    return f"{spec.help} ({note})".replace("%", "%%")


def _default_help(spec: Setting) -> str:
    if spec.default_help:
        return spec.default_help
    if spec.type is bool:
        return "on" if spec.default else "off"
    return " ".join(map(str, spec.default)) if spec.repeated else str(spec.default)
