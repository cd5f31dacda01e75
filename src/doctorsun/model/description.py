"""What an assembled LLaVA is made of, in figures, and its card: parts, licences, which tools load it."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from torch import nn

from doctorsun.core.files import write_whole
from doctorsun.model.config import ModelConfig
from doctorsun.model.parts import Parts
from doctorsun.model.plain_template import is_plain
from doctorsun.model.vision_family import family_for

SCRATCH = "from scratch 从零开始"


@dataclass(frozen=True, slots=True)
class PartLine:
    """One part: its class, its origin, how many parameters it has, the licence that its folder states."""

    part: str
    kind: str
    source: str
    parameters: int
    licence: str


@dataclass(frozen=True, slots=True)
class Description:
    """The parts, and how they meet; `tools` load the result as it lies on disk."""

    parts: tuple[PartLine, ...]
    image_tokens: int
    extra_tokens: int
    feature_layer: int
    image_px: int
    vocabulary: int
    plain_template: bool
    tools: tuple[str, ...]


def describe(parts: Parts, config: ModelConfig) -> Description:
    """The description of what `assemble` made of `config`."""
    model, llava = parts.model, parts.model.config
    family = family_for(str(llava.vision_config.model_type))
    inner = model.model
    head = () if llava.tie_word_embeddings else (model.lm_head,)
    rows = [
        ("vision", inner.vision_tower, (), config.vision.source),
        ("projector", inner.multi_modal_projector, (), None),
        ("language", inner.language_model, head, config.language.source),
    ]
    extra = family.extra_tokens(llava.vision_config)
    dropped = llava.vision_feature_select_strategy == "default"
    return Description(
        parts=tuple(
            PartLine(
                part,
                type(module).__name__,
                Path(source).name if source else SCRATCH,
                _size(module, *others),
                licence_of(source),
            )
            for part, module, others, source in rows
        ),
        image_tokens=parts.encoder.image_tokens,
        extra_tokens=extra - dropped,
        feature_layer=llava.vision_feature_layer,
        image_px=parts.pictures.size,
        vocabulary=llava.text_config.vocab_size,
        plain_template=is_plain(parts.processor.tokenizer.chat_template),
        tools=("transformers", *family.tools),
    )


def licence_of(source: str | None) -> str:
    """The licence that the README.md of a part's folder states in its head; `-` where it says none."""
    path = Path(source or "") / "README.md"
    if source is None or not path.is_file():
        return "-"
    head = path.read_text(encoding="utf-8", errors="replace").split("---")
    try:
        told = yaml.safe_load(head[1]) if len(head) > 2 and not head[0].strip() else None
    except yaml.YAMLError:
        return "-"
    licence = told.get("license") if isinstance(told, dict) else None
    return str(licence) if licence else "-"


def write_card(folder: Path, name: str, told: Description) -> None:
    """Put the model card into the folder of a model, in English and Chinese."""
    write_whole(folder / "README.md", card(name, told))


def card(name: str, told: Description) -> str:
    """The text of the card of a model that is assembled and not trained yet."""
    rows = [
        f"| {line.part} | {line.kind} | {line.source} | {line.parameters:,} | {line.licence} |"
        for line in told.parts
    ]
    lines = [
        "---",
        "language: [zh, en]",
        "library_name: transformers",
        "pipeline_tag: image-text-to-text",
        "---",
        f"# {name}",
        "",
        "Assembled, not trained: the projector knows nothing yet. 仅完成拼装，投影层尚未训练。",
        "Not a medical device. 非医疗器械。",
        "",
        "| part 部件 | class 类 | from 来源 | parameters 参数 | licence 许可证 |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"- Pictures 图像: {told.image_px} px, padded to a square 补成正方形; {told.image_tokens} tokens"
        f" (hidden state {told.feature_layer}; {told.extra_tokens} of them are class or register tokens"
        " 其中为类别或寄存器 token).",
        f"- Vocabulary 词表: {told.vocabulary:,}.",
        *(
            ["- Chat template 对话模板: plain 简单双语 (问 Question / 答 Answer)."]
            if told.plain_template
            else []
        ),
        f"- Loads in 可加载于: {', '.join(told.tools)}.",
    ]
    return "\n".join(lines) + "\n"


def _size(*modules: nn.Module) -> int:
    found = {id(parameter): parameter.numel() for module in modules for parameter in module.parameters()}
    return sum(found.values())
