"""A pair of GGUF files for llama.cpp: the language model, and encoder with projector (`mmproj`).

llama.cpp's LLaVA graph reads one hidden state of a CLIP or SigLIP encoder through a two-layer GELU projector;
layers behind that state and the last norm are left out. Since 2025 it puts CLIP's class token in the wrong
place (llama.cpp pull request 25844), which no file can mend: docs/convert.md. SigLIP is not touched by it.
"""

from pathlib import Path

from doctorsun.core.errors import MissingExtra, ModelError
from doctorsun.core.progress import reporter
from doctorsun.model.gguf_eyes import read_eyes, write_eyes
from doctorsun.model.gguf_file import FIGURES, installed
from doctorsun.model.gguf_words import ARCHITECTURES, read_words, write_words
from doctorsun.model.joining import Pieces, join
from doctorsun.model.parts import Parts
from doctorsun.model.stock import Stock
from doctorsun.model.trust import verify_manifest

QUANTISE = FIGURES
PAIR = "mmproj-"


def recognise(folder: Path) -> bool:
    """Whether a folder holds a language model and an mmproj as GGUF."""
    return folder.is_dir() and any(folder.glob(f"{PAIR}*.gguf"))


def read(folder: Path, stock: Stock) -> Parts:
    """The model of a pair, in float32; what was rounded away when it was written stays so."""
    _need_library()
    verify_manifest(folder)
    eyes = sorted(folder.glob(f"{PAIR}*.gguf"))
    words = sorted(set(folder.glob("*.gguf")) - set(eyes))
    if len(eyes) != 1 or len(words) != 1:
        raise ModelError("convert.gguf_pair", where=folder, found=len(words) + len(eyes))
    vision = read_eyes(eyes[0])
    model, tokenizer = read_words(words[0])
    clip = vision.model.config.model_type == "clip_vision_model"
    return join(
        Pieces(
            vision=vision.model,
            pictures=vision.pictures,
            language=model,
            tokenizer=tokenizer,
            projector=vision.projector,
            feature_layer=vision.feature_layer,
            select="default" if clip else "full",
        )
    )


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put the pair into `folder`, in float16 unless `quantise` says otherwise."""
    _need_library()
    kind = quantise or "f16"
    config = parts.model.config
    if config.text_config.model_type not in ARCHITECTURES:
        found, known = config.text_config.model_type, sorted(ARCHITECTURES)
        raise ModelError("convert.language_unknown", target="gguf", found=found, known=known)
    name = str(parts.model.config.text_config.model_type)
    write_words(parts, folder / f"{name}-{kind}.gguf", kind=kind)
    write_eyes(parts, folder / f"{PAIR}{name}-{'f32' if kind == 'f32' else 'f16'}.gguf", kind=kind)
    if config.vision_config.model_type == "clip_vision_model":
        reporter().note("convert.llama_cpp_class_token")


def _need_library() -> None:
    if not installed():
        raise MissingExtra("GGUF", "gguf")
