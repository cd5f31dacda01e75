"""A LLaVA whose language model holds 4 or 8 bits a weight, in the form that transformers reloads."""

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import BitsAndBytesConfig, LlavaForConditionalGeneration

from doctorsun.core.errors import MissingExtra
from doctorsun.model.loading import quiet
from doctorsun.model.parts import Parts

_SKIPPED = ["lm_head", "model.vision_tower", "model.multi_modal_projector"]


def write_few_bits(parts: Parts, folder: Path, *, kind: str) -> None:
    """Put weights and configuration into `folder`, the language model's linear layers in NF4 or int8.

    Encoder, projector and output layer stay whole: they are small, and suffer most.
    """
    if find_spec("bitsandbytes") is None:
        raise MissingExtra("quantise", "qlora")
    settings = BitsAndBytesConfig(
        load_in_4bit=kind == "nf4",
        load_in_8bit=kind == "int8",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=parts.model.dtype,
        llm_int8_skip_modules=_SKIPPED,
    )
    with TemporaryDirectory(dir=folder.parent) as place, quiet():
        parts.model.save_pretrained(place)
        model = LlavaForConditionalGeneration.from_pretrained(
            place,
            local_files_only=True,
            quantization_config=settings,
            dtype=parts.model.dtype,
            device_map={"": "cpu"},
        )
        model.save_pretrained(folder)
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)
