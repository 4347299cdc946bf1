"""Typed configuration: YAML and dotted overrides into frozen dataclasses, with errors that name the mend."""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from vatt_harmony.errors import UserError

T = TypeVar("T")


def load_config(cls: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """Read a YAML file, apply dotted overrides (`--harmony.rule pcgrad` or `--harmony.rule=pcgrad`), build `cls`.

    Raises UserError for a missing file, broken YAML, an unknown key, a wrong type or a value out of range.
    """
    if not path.is_file():
        raise UserError(
            f"Configuration {path} does not exist",
            "Nothing was started",
            _known_recipes(path.stem),
        )
    try:
        mapping = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}", "Nothing was started", "Mend the line named above") from error
    if isinstance(mapping, dict):  # anything else is refused below
        for key, value in parse_overrides(overrides):
            _set(mapping, key, value)
    return from_mapping(cls, mapping)


def shipped_file(name: str) -> Path:
    """A file of `configs/`, from the working directory, the checkout, or the installed package, in this order."""
    package = Path(__file__).resolve().parent
    places = [Path(name), package.parent / name, package / name]
    return next((place for place in places if place.is_file()), Path(name))


def parse_overrides(arguments: Sequence[str]) -> list[tuple[str, Any]]:
    """`["--a.b", "1", "--c=x"]` -> `[("a.b", 1), ("c", "x")]`; values are read as YAML scalars or lists."""
    pairs: list[tuple[str, Any]] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--"):
            raise UserError(
                f"Override {argument!r} does not begin with --",
                "It would be ignored",
                "Write overrides as --harmony.rule sum or --harmony.rule=sum",
            )
        key, equals, value = argument[2:].partition("=")
        if not equals:
            if not rest:
                raise UserError(f"Override --{key} has no value", "It would change nothing", f"Write --{key} VALUE")
            value = rest.pop(0)
        pairs.append((key, yaml.load(value, _Scalars)))
    return pairs


def from_mapping(cls: type[T], mapping: Mapping[str, Any], where: str = "") -> T:
    """Build the dataclass `cls` from plain dicts, lists and scalars; `where` is the dotted place for messages."""
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cast(Any, cls)) if field.init]
    if not isinstance(mapping, Mapping):
        raise UserError(
            f"{where or 'The configuration'} is {mapping!r}, not a mapping",
            "Its fields cannot be read",
            f"Give keys of {', '.join(names)}",
        )
    for key in mapping:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            raise UserError(
                f"Unknown key {_join(where, key)!r}",
                "It would be ignored without a word",
                f"Did you mean {_join(where, near[0])!r}?" if near else f"Known keys: {', '.join(names)}",
            )
    missing = [f.name for f in dataclasses.fields(cast(Any, cls)) if f.init and _required(f) and f.name not in mapping]
    if missing:
        raise UserError(
            f"{_join(where, missing[0])} is not given",
            "It has no sensible default",
            "Set it in the YAML file",
        )
    values = {key: _convert(hints[key], value, _join(where, key)) for key, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(f"{where or 'Configuration'}: {error}", "Nothing was started", "Change that value") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """Plain dicts, lists and scalars of a config, ready for YAML; `from_mapping` reads them back."""
    return cast(dict[str, Any], _plain(config))


class _Scalars(yaml.SafeLoader):
    """YAML 1.1 reads 1e-4 as a string; a user means a number."""


_Scalars.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)$"),
    list("-+0123456789."),
)


def _known_recipes(name: str) -> str:
    """The shipped recipes called most like `name`, or the folders where all of them are."""
    package = Path(__file__).resolve().parent
    folders = (package.parent / "configs", package / "configs")
    recipes = sorted(next(filter(Path.is_dir, folders)).glob("*/*.yaml"))
    near = difflib.get_close_matches(name, sorted({recipe.stem for recipe in recipes}), n=1)
    if near:
        told = [f"configs/{recipe.parent.name}/{recipe.name}" for recipe in recipes if recipe.stem in near]
        return f"Did you mean {_series(told, 'or')}?"
    shelves = sorted({f"configs/{recipe.parent.name}/" for recipe in recipes})
    return f"Give a YAML file; the recipes are in {_series(shelves, 'and')}"


def _series(words: Sequence[str], last: str) -> str:
    """`a, b or c`."""
    return f" {last} ".join([*filter(None, [", ".join(words[:-1])]), words[-1]])


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _set(mapping: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        child = mapping.setdefault(parent, {})
        if not isinstance(child, dict):
            raise UserError(
                f"--{dotted}: {parent!r} is {child!r}, not a group",
                "The override has no place",
                "Check its spelling",
            )
        mapping = child
    mapping[last] = value


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return from_mapping(cast(type[Any], kind), value, where)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is typing.Literal:
        if value in arguments:
            return value
        near = difflib.get_close_matches(str(value), [str(a) for a in arguments], n=1)
        raise UserError(
            f"{where} is {value!r}",
            "It names nothing known",
            (f"Did you mean {near[0]!r}? " if near else "") + f"Choose one of {', '.join(map(repr, arguments))}",
        )
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        return _convert_sequence(origin, arguments, value, where)
    if origin is dict and isinstance(value, Mapping):
        return {key: _convert(arguments[1], item, _join(where, key)) for key, item in value.items()}
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise UserError(
        f"{where} is {value!r} of type {type(value).__name__}",
        "A run with it would fail later",
        f"Give a value of type {getattr(kind, '__name__', kind)}",
    )


def _convert_union(kinds: Sequence[Any], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    last: UserError | None = None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _convert(kind, value, where)
        except UserError as error:
            last = error
    raise last or UserError(f"{where} is {value!r}", "It cannot be used", "Check the documentation of the field")


def _convert_sequence(origin: Any, arguments: Sequence[Any], value: Sequence[Any], where: str) -> Any:
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        if len(value) != len(arguments):
            raise UserError(
                f"{where} has {len(value)} entries", f"{len(arguments)} are needed", "Give that many values"
            )
        return tuple(_convert(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(arguments, value, strict=True)))
    return origin(_convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
