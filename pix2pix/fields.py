"""Declares settings as dataclass fields; flags, checks, --help and card rows are made from them.

The annotation gives a setting's type and choices; `setting()` gives its default, help and bounds.
"""

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pix2pix.errors import UserError

# For each type, the class of the values it accepts and its name in messages. The abstract classes
# include NumPy's numbers.
ACCEPTED: dict[type, tuple[type, str]] = {
    int: (Integral, "an integer"),
    float: (Real, "a number"),
    str: (str, "text"),
    bool: (bool, "true or false"),
    Path: (Path, "a path"),
}


@dataclass(frozen=True)
class Setting:
    """Describes one field of a dataclass whose fields are made with `setting()`.

    Attributes:
        help: text for --help, without the default.
        default: the default; `dataclasses.MISSING` for a required setting.
        default_help: what --help shows as the default, where that is not `default` itself.
        group: heading in --help of this setting and those after it.
        above: lower bound, exclusive.
        at_least: lower bound, inclusive.
        below: upper bound, exclusive.
        at_most: upper bound, inclusive.
        positional: whether the setting is a positional argument instead of a flag.
        local: whether the setting concerns this machine only; a job does not get it.
        on_card: whether the model card lists the setting among the hyperparameters.
        may_be_path: whether a text can be the path of a file, so that `~` is expanded.
        sets_defaults: whether the defaults of other settings depend on it.
        words: texts that a flag accepts for a value, for example {"none": 0}.
        resumable: whether a run that resumes a checkpoint may change the setting. This is asked of
            the settings of `Config` only: a checkpoint holds no others, so those may all change.
        of_model: whether a run takes it from the model of --init_from, unless it is given.
        name: the field's name; its flag is `--name`.
        type: type of a single value: int, float, str, bool or Path.
        choices: the values of a `Literal`, else empty.
        optional: whether None is allowed.
        repeated: whether the value is a tuple.
    """

    help: str
    default: Any
    default_help: str = ""
    group: str = ""
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    positional: bool = False
    local: bool = False
    on_card: bool = True
    may_be_path: bool = False
    sets_defaults: bool = False
    words: Mapping[str, Any] = field(default_factory=dict)
    resumable: bool = False
    of_model: bool = False
    # Set by `settings_of`, from the field and its annotation.
    name: str = ""
    type: type = str
    choices: tuple = ()
    optional: bool = False
    repeated: bool = False

    @property
    def is_required(self) -> bool:
        """Whether the setting has no default."""
        return self.default is dataclasses.MISSING

    def check(self, value: Any) -> None:
        """Raises `UserError` when `value` has the wrong type or is out of range."""
        if value is None and self.optional:
            return
        for element in value if self.repeated else (value,):
            self._check_element(element)

    def _check_element(self, value: Any) -> None:
        name = self.name if self.positional else f"--{self.name}"
        if self.choices:
            if value not in self.choices:
                allowed = ", ".join(map(str, self.choices))
                raise UserError(f"{name} is {value}; choose one of {allowed}.")
            return
        accepted, type_name = ACCEPTED[self.type]
        # In Python a bool is an int as well, but True is not a number of steps.
        if not isinstance(value, accepted) or isinstance(value, bool) != (self.type is bool):
            raise UserError(f"{name} is {value}; it must be {type_name}.")
        limits = {
            "greater than": (self.above, lambda bound: value > bound),
            "at least": (self.at_least, lambda bound: value >= bound),
            "below": (self.below, lambda bound: value < bound),
            "at most": (self.at_most, lambda bound: value <= bound),
        }
        limits = {words: limit for words, limit in limits.items() if limit[0] is not None}
        # NaN is out of every range, because it compares as false with every bound.
        if not all(is_within(bound) for bound, is_within in limits.values()):
            bounds = {words: _format(bound) for words, (bound, _) in limits.items()}
            allowed = " and ".join(f"{words} {bound}" for words, bound in bounds.items())
            raise UserError(f"{name} is {value}; it must be {allowed}.")


def _format(bound: float | None) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def setting(default: Any = dataclasses.MISSING, help: str = "", **attributes: Any) -> Any:
    """Returns a dataclass field for a setting; `attributes` are those of `Setting`.

    A setting without `default` is required.
    """
    metadata = {"setting": Setting(help, default, **attributes)}
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(cls: type) -> tuple[Setting, ...]:
    """Returns the settings that the dataclass `cls` declares, in their order.

    Fields that are not made with `setting()` are left out.
    """
    annotations = get_type_hints(cls)
    return tuple(
        dataclasses.replace(
            field.metadata["setting"], name=field.name, **_read_annotation(annotations[field.name])
        )
        for field in dataclasses.fields(cls)
        if "setting" in field.metadata
    )


def check_settings(settings: object) -> None:
    """Raises `UserError` for the first field of a dataclass whose value is not allowed."""
    for declared in settings_of(type(settings)):
        declared.check(getattr(settings, declared.name))


def _read_annotation(annotation: Any) -> dict[str, Any]:
    """Returns the attributes of `Setting` that an annotation such as `int | None` gives."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _read_annotation(inner) | {"optional": True}
    if origin is tuple:
        return _read_annotation(arguments[0]) | {"repeated": True}
    if origin is Literal:
        return {"type": type(arguments[0]), "choices": arguments}
    return {"type": annotation}
