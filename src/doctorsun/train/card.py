"""The model's README: what it is made of, the strictest licence of its data, and what it is not for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doctorsun.core.files import write_whole
from doctorsun.core.plugins import find
from doctorsun.data.dataset import Dataset
from doctorsun.train import teachers
from doctorsun.train.recipe import Recipe


def write_card(model: Path, recipe: Recipe, dataset: Dataset) -> None:
    """Put the model card into the folder of a model, in English and Chinese."""
    write_whole(model / "README.md", card(recipe, dataset))


def card(recipe: Recipe, dataset: Dataset) -> str:
    """The text of a model card, with the metadata that a hub reads."""
    sources: Mapping[str, Any] = dataset.info.get("sources", {})
    stages = [
        f"| {number} | {recipe.label(number)} | {stage.kind} | {', '.join(stage.trained)} |"
        for number, stage in enumerate(recipe.stages, start=1)
    ]
    lines = [
        "---",
        "language: [zh, en]",
        "library_name: transformers",
        "pipeline_tag: image-text-to-text",
        f"license: {_hub_licence(dataset.licence)}",
        "---",
        f"# {recipe.name}",
        "",
        "Not a medical device: for research and teaching only. 非医疗器械，仅供科研与教学使用。",
        "",
        f"Licence (the strictest of its data) 许可证（取数据中最严格者）: **{dataset.licence}**",
        "",
        *_warning(dataset),
        "## Data 数据",
        "",
        "| source | licence | |",
        "|---|---|---|",
        *[_source_line(name, told) for name, told in sorted(sources.items())],
        "",
        "## Training 训练",
        "",
        "| stage | name | kind | trained |",
        "|---|---|---|---|",
        *stages,
        *_teacher_lines(recipe),
        "",
        "The resolved recipe, versions and the hash of the data are in `doctorsun.json`.",
        "完整配方、软件版本与数据哈希见 `doctorsun.json`。",
    ]
    return "\n".join(lines) + "\n"


def _warning(dataset: Dataset) -> list[str]:
    if not dataset.info.get("non_commercial"):
        return []
    return [
        "Some of its data forbid commercial use, or may; so does it. 部分数据禁止或可能禁止商用，模型亦然。",
        "",
    ]


def _source_line(name: str, told: object) -> str:
    fields = told.get("card", told) if isinstance(told, Mapping) else {}
    note = "synthetic 合成数据" if fields.get("synthetic") else ""
    return f"| {fields.get('title', name)} | {fields.get('licence', '?')} | {note} |"


def _teacher_lines(recipe: Recipe) -> list[str]:
    names = sorted({stage.teacher for stage in recipe.stages if stage.teacher and stage.objectives.distil})
    found = [(name, find(teachers, name)) for name in names]
    return [f"\nDistilled from {name}: {module.ORIGIN}; {module.LICENCE}." for name, module in found]


def _hub_licence(licence: str) -> str:
    return "unknown" if licence == "unknown" else licence.lower()
