"""YAML -> typed recipe: a preset is values, `key=value` overrides it, unknown keys are refused."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near, nearest
from doctorsun.core.strings import say


class Config(BaseModel):
    """The parent of every `Config` that stands beside the code it configures."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


EXPECTED = {
    "integer": {"int_parsing", "int_type", "int_from_float"},
    "number": {"float_parsing", "float_type", "finite_number"},
    "truth": {"bool_parsing", "bool_type"},
    "text": {"string_type"},
    "list": {"list_type", "tuple_type"},
    "keys": {"dict_type", "model_type", "model_attributes_type"},
    "one_of": {"literal_error", "enum", "union_tag_invalid"},
    "at_least": {"greater_than_equal"},
    "more_than": {"greater_than"},
    "at_most": {"less_than_equal"},
    "less_than": {"less_than"},
}
C = TypeVar("C", bound=Config)
Tree = dict[str, Any]


def preset_names() -> list[str]:
    """The names of the presets in the package, sorted."""
    folder = resources.files("doctorsun.presets")
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load(schema: type[C], preset: str, *, overrides: Sequence[str] = ()) -> C:
    """The typed recipe of a preset's name or path with `a.b=value` overrides; ConfigError says where."""
    tree = read_preset(preset)
    for override in overrides:
        _override(tree, override)
    return validate(schema, tree, where=preset)


def from_overrides(schema: type[C], overrides: Sequence[str], *, where: str) -> C:
    """The typed config of `a.b=value` words alone, on top of its own defaults."""
    tree: Tree = {}
    for override in overrides:
        _override(tree, override)
    return validate(schema, tree, where=where)


def read_preset(preset: str) -> Tree:
    """The values of a preset's name or of a YAML file's path."""
    path = Path(preset)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError("core.no_preset_file", where=preset)
        text = path.read_bytes().decode("utf-8", errors="replace")
    elif preset in preset_names():
        text = resources.files("doctorsun.presets").joinpath(f"{preset}.yaml").read_text(encoding="utf-8")
    else:
        raise ConfigError("core.unknown_preset", found=preset, near=near(preset, preset_names()))
    try:
        tree = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError("core.bad_yaml", where=preset, line=line) from None
    except yaml.YAMLError:  # a byte that no text holds
        raise ConfigError("core.bad_yaml", where=preset, line=1) from None
    if not isinstance(tree, dict):
        raise ConfigError("core.bad_yaml", where=preset, line=1)
    return tree


def validate(schema: type[C], tree: Tree, *, where: str) -> C:
    """The typed config of plain values; ConfigError names the key's place and, if misspelt, the near key."""
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_url=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        steps = [str(step) for step in first["loc"]]
        place = f"{where}: {'.'.join(steps)}"
        if first["type"] == "extra_forbidden":
            raise _unknown_key(schema, steps, place) from None
        if first["type"] == "missing":
            raise ConfigError("core.missing_key", where=place) from None
        raise ConfigError(
            "core.bad_value", where=place, found=repr(first["input"])[:80], problem=problem(first)
        ) from None


def problem(error: Mapping[str, Any]) -> str:
    """What was expected, in the user's language where the kind of the error is a common one."""
    kind, values = error["type"], error.get("ctx", {})
    named = values.get("expected", values.get("expected_tags"))
    limit = str(named).replace(" or ", ", ") if named else next(iter(values.values()), "")
    for expected, kinds in EXPECTED.items():
        if kind in kinds:
            return say(f"core.expected_{expected}", limit=limit)
    return str(error["msg"]).removeprefix("Value error, ")


def _unknown_key(schema: type[BaseModel], steps: Sequence[str], place: str) -> ConfigError:
    """The refusal of a key: it names the near one, else where below the key would stand, else all keys."""
    *parents, found = steps
    models = _models_at(schema, parents)
    known = sorted({key for model in models for key in model.model_fields})
    below = [
        f"{key}.{found}"
        for model in models
        for key, field in model.model_fields.items()
        if any(found in inner.model_fields for inner in _models(field.annotation))
    ]
    hint = ", ".join(sorted(set(below))) or nearest(found, known)
    if hint:
        return ConfigError("core.unknown_key", where=place, found=found, near=hint)
    return ConfigError("core.foreign_key", where=place, found=found, known=", ".join(known))


def _override(tree: Tree, override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise ConfigError("core.bad_override", found=override)
    *parents, last = key.split(".")
    place: Any = tree
    for step in parents:
        place = _child(place, step, override)
    place[_index(place, last, override) if isinstance(place, list) else last] = _value(value, override)


def _value(text: str, override: str) -> Any:  # noqa: ANN401 - a YAML tree
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError("core.bad_override", found=override) from None


def _child(place: Any, step: str, override: str) -> Any:  # noqa: ANN401 - a YAML tree
    if isinstance(place, list):
        return place[_index(place, step, override)]
    if place.get(step) is None:
        place[step] = {}
    if not isinstance(place[step], dict | list):
        raise ConfigError("core.bad_override", found=override)
    return place[step]


def _index(place: list[Any], step: str, override: str) -> int:
    if not step.isdigit():
        raise ConfigError("core.bad_override", found=override)
    if int(step) >= len(place):
        raise ConfigError("core.bad_index", found=override, number=step, count=len(place))
    return int(step)


def _models_at(schema: type[BaseModel], steps: Sequence[str]) -> list[type[BaseModel]]:
    """The kinds of config that may stand at a place: `steps` walks fields, list indices and union tags."""
    found = [schema]
    for step in steps:
        fields = [model.model_fields[step] for model in found if step in model.model_fields]
        if fields:
            found = [model for field in fields for model in _models(field.annotation)]
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type form
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
