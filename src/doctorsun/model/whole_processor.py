"""The processor of a whole image-text model, read from its folder: the Pillow kind, without its video half.

The video half needs torchvision, and nothing here reads videos; its file is kept with the model all the same.
"""

from pathlib import Path
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import first_line, quiet

PROCESSOR_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)


def load_whole_processor(folder: Path, kind: str) -> Any:  # noqa: ANN401 - transformers has no types
    """The processor of a folder, of the `model_type` named `kind`; ModelError if it cannot be read."""
    made = _pictures_only(getattr(transformers, PROCESSOR_MAPPING_NAMES[kind]))
    try:
        with quiet():
            halves = {
                "image_processor": AutoImageProcessor.from_pretrained(
                    folder, local_files_only=True, backend="pil"
                ),
                "tokenizer": AutoTokenizer.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=False
                ),
            }
            settings, _ = made.get_processor_dict(folder, local_files_only=True)
            return made.from_args_and_dict([halves.get(name) for name in made.get_attributes()], settings)
    except StrictDataclassError as error:
        raise ModelError("model.bad_config", where=folder, problem=first_line(error)) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ModelError("model.no_processor", where=folder, problem=first_line(error)) from None


def _pictures_only(kind: Any) -> Any:  # noqa: ANN401 - transformers has no types
    """The same class of processor, which may be without a video processor."""

    def check(self: Any, name: str, argument: object) -> object:  # noqa: ANN401
        if name == "video_processor" and argument is None:
            return None
        return kind.check_argument_for_proper_class(self, name, argument)

    return type(kind.__name__, (kind,), {"check_argument_for_proper_class": check})
