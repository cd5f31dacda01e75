"""The model's README: what it is made of, how good it is, which tools load it, and what it is not for.

It is written from what `doctorsun.json` holds, so that a converted model has one as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from doctorsun.core.files import write_whole
from doctorsun.core.plugins import find, names
from doctorsun.data.dataset import Dataset
from doctorsun.train import teachers
from doctorsun.train.recipe import Recipe

PARTS = ("vision", "projector", "language")
METRICS = (
    "closed_accuracy",
    "balanced_accuracy",
    "choice_accuracy",
    "open_f1",
    "caption_f1",
    "report_f1",
    "image_reliance",
    "majority_accuracy",
)
TOOLS = {
    "hf": ("transformers", "transformers, vLLM, SGLang; vLLM takes CLIP, SigLIP and Pixtral encoders"),
    "merged": ("transformers", "transformers, vLLM, SGLang; vLLM takes CLIP, SigLIP and Pixtral encoders"),
    "llava": ("transformers", "the official LLaVA code, and what is built on it"),
    "xtuner": ("transformers", "xtuner, LMDeploy"),
    "adapter": ("peft", "peft, on the base model"),
    "gguf": ("gguf", "llama.cpp (llama-mtmd-cli, llama-server with --mmproj) and what is built on it"),
}


def write_card(model: Path, recipe: Recipe, dataset: Dataset) -> None:
    """Put the model card into the folder of a model, in English and Chinese."""
    write_whole(model / "README.md", card(recipe, dataset))


def card(recipe: Recipe, dataset: Dataset) -> str:
    """The text of a model card, with the metadata that a hub reads."""
    return card_of({"recipe": recipe.model_dump(mode="json"), "data": data_facts(dataset)})


def data_facts(dataset: Dataset) -> dict[str, object]:
    """What a model's `doctorsun.json` says of its data: licences, and each source by name."""
    sources: Mapping[str, Any] = dataset.info.get("sources", {})
    told = {name: source.get("card", source) for name, source in sources.items()}
    keys = ("title", "licence", "synthetic")
    return {
        "name": dataset.name,
        "licence": dataset.licence,
        "non_commercial": bool(dataset.info.get("non_commercial")),
        "sources": {name: {key: card.get(key) for key in keys} for name, card in sorted(told.items())},
    }


def card_of(about: Mapping[str, Any], results: Sequence[Mapping[str, Any]] = ()) -> str:
    """The card of a model by its `doctorsun.json`, with the results of an evaluation where there are any."""
    recipe, data = about.get("recipe") or {}, about.get("data") or {}
    steps: list[Mapping[str, Any]] = about.get("converted") or []
    library, tools = TOOLS[steps[-1]["to"] if steps else "hf"]
    licence = data.get("licence", "unknown")
    lines = [
        "---",
        "language: [zh, en]",
        f"library_name: {library}",
        "pipeline_tag: image-text-to-text",
        f"license: {licence.lower()}",
        "---",
        f"# {recipe.get('name') or (steps[0]['source'] if steps else 'model')}",
        "",
        "Not a medical device: for research and teaching only. 非医疗器械，仅供科研与教学使用。",
        "",
        f"Licence (the strictest of its data) 许可证（取数据中最严格者）: **{licence}**",
        "",
        *_warning(data),
        *_uses(tools),
        *_data(data),
        *_training(recipe),
        *_results(results),
        *(["", "Measured before the conversion. 于转换之前测得。"] if results and steps else []),
        *_conversion(steps),
        "",
        "The resolved recipe, versions and the hash of the data are in `doctorsun.json`.",
        "完整配方、软件版本与数据哈希见 `doctorsun.json`。",
    ]
    return "\n".join(lines) + "\n"


def _warning(data: Mapping[str, Any]) -> list[str]:
    if not data.get("non_commercial"):
        return []
    return [
        "Some of its data forbid commercial use, or may; so does it. 部分数据禁止或可能禁止商用，模型亦然。",
        "",
    ]


def _uses(tools: str) -> Iterator[str]:
    yield from ("## Use and limits 用途与局限", "")
    yield "- Made for: questions about medical pictures in Chinese and English, in research and teaching."
    yield "  用于科研与教学中的中英文医学图像问答。"
    yield "- Not for: diagnosis, triage or treatment; pictures unlike its data (see below); other languages."
    yield "  不用于诊断、分诊或治疗；不用于与其数据（见下）不同的图像；不用于其他语言。"
    yield "- It can be wrong and sound sure, and may answer from the question without looking at the picture."
    yield "  它可能答错而语气肯定，也可能只凭问题作答而未看图像。"
    yield f"- Loaded by 可用工具: {tools}"
    yield ""


def _data(data: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Data 数据", "")
    sources = data.get("sources")
    if not sources:
        yield f"{data.get('name', 'Unknown 未知')}; its sources are in its own card. 来源见数据集自己的卡片。"
        return
    yield from ("| source | licence | |", "|---|---|---|")
    for name, told in sorted(sources.items()):
        note = "synthetic 合成数据" if told.get("synthetic") else ""
        yield f"| {told.get('title') or name} | {told.get('licence') or '?'} | {note} |"


def _training(recipe: Mapping[str, Any]) -> Iterator[str]:
    stages: list[Mapping[str, Any]] = recipe.get("stages") or []
    yield from ("", "## Training 训练", "")
    if not stages:
        yield "Not known. 未知。"
        return
    yield from ("| stage | name | kind | trained |", "|---|---|---|---|")
    for number, stage in enumerate(stages, start=1):
        trained = [name for name in PARTS if (stage.get(name) or {}).get("mode", "frozen") != "frozen"]
        name = stage.get("name") or stage["kind"]
        yield f"| {number} | {name} | {stage['kind']} | {', '.join(trained)} |"
    distilled = {stage.get("teacher") for stage in stages if (stage.get("objectives") or {}).get("distil")}
    for name in sorted(name for name in distilled if name in names(teachers)):
        module = find(teachers, name)
        yield f"\nDistilled from {name}: {module.ORIGIN}; {module.LICENCE}."


def _results(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A row for each headline figure of each data set and language, with its interval."""
    shown = [
        row
        for row in results
        if row.get("slice") == "all" and row.get("condition") == "image" and row.get("metric") in METRICS
    ]
    if not shown:
        return
    yield from ("", "## Results 结果", "", "| data set | split | language | metric | n | value |")
    yield "|---|---|---|---|---|---|"
    for row in sorted(shown, key=lambda row: (row["task"], row["lang"], METRICS.index(row["metric"]))):
        bounds = f" ({row['low']:.3f}-{row['high']:.3f})" if row.get("low") is not None else ""
        place = f"| {row['task']} | {row['split']} | {row['lang']} | {row['metric']} ({row['protocol']}) "
        yield f"{place}| {row['n']} | {row['value']:.3f}{bounds} |"


def _conversion(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not steps:
        return
    yield from (
        "",
        "## Conversion 转换",
        "",
        "| from | to | quantised | source sha256 |",
        "|---|---|---|---|",
    )
    for step in steps:
        quantised = step.get("quantised") or "-"
        yield f"| {step['from']} | {step['to']} | {quantised} | `{step['source_sha256'][:16]}` |"
