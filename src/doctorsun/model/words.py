"""A tokenizer of a folder that another program wrote; no code of it is run."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from doctorsun.core.errors import ModelError
from doctorsun.model.loading import quiet


def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder, which must have a chat template; ModelError says where to put one."""
    try:
        with quiet():
            if (folder / "tokenizer.json").is_file():
                # The class that reads the file as it is: a configuration of LLaVA's own kind names none.
                tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(
                    folder, local_files_only=True
                )
            else:
                tokenizer = AutoTokenizer.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=False
                )
    except (OSError, ValueError, TypeError, KeyError) as error:
        problem = f"tokenizer.json ({type(error).__name__})"
        raise ModelError("model.no_processor", where=folder, problem=problem) from None
    if not tokenizer.chat_template:
        raise ModelError("convert.no_template", where=folder)
    return tokenizer
