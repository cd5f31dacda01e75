"""GGUF files: fields and tensors written in the figures asked for, and read back as float32."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from doctorsun.core.errors import ModelError

FIGURES = ("f32", "f16", "bf16", "q8_0")
_FILE_TYPES = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0"}
_BLOCK = 32  # weights of a row that share a scale in q8_0


def installed() -> bool:
    """Whether the library `gguf` is there."""
    return find_spec("gguf") is not None


class GgufFile:
    """A file being written; matrices take the figures of `kind`, vectors stay in float32."""

    def __init__(self, path: Path, architecture: str, *, kind: str) -> None:
        self._gguf: Any = import_module("gguf")
        self._kind = kind
        # Tensors wait on disk, so that a large model is not held twice.
        self.writer: Any = self._gguf.GGUFWriter(path, architecture, use_temp_file=True)
        self.writer.add_file_type(self._gguf.LlamaFileType[_FILE_TYPES[kind]])
        self.writer.add_quantization_version(self._gguf.GGML_QUANT_VERSION)

    def add(self, name: str, tensor: torch.Tensor, *, kind: str | None = None) -> None:
        """Add a tensor; a matrix whose rows do not fill the blocks of q8_0 becomes float16."""
        wanted = kind or ("f32" if tensor.ndim < 2 else self._kind)
        if wanted == "q8_0" and tensor.shape[-1] % _BLOCK:
            wanted = "f16"
        figures = self._gguf.GGMLQuantizationType[wanted.upper()]
        values = tensor.detach().float().contiguous().numpy()
        self.writer.add_tensor(name, self._gguf.quants.quantize(values, figures), raw_dtype=figures)

    def scaling(self, kind: str) -> Any:  # noqa: ANN401 - a name of a package without types
        """The library's word for a way to turn far positions."""
        return self._gguf.RopeScalingType[kind.upper()]

    def close(self) -> None:
        """Write everything out."""
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def read_gguf(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The fields and the tensors (float32) of a file; ModelError if it is none or is cut short."""
    gguf: Any = import_module("gguf")
    try:
        reader = gguf.GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
        tensors = {
            one.name: torch.from_numpy(
                np.array(gguf.quants.dequantize(one.data, one.tensor_type), dtype=np.float32)
            )
            for one in reader.tensors
        }
    except (ValueError, KeyError, IndexError, OSError, NotImplementedError) as error:
        raise ModelError("convert.gguf_broken", where=path, problem=type(error).__name__) from None
    return fields, tensors


def field(fields: Mapping[str, Any], name: str, *, where: Path) -> Any:  # noqa: ANN401 - a number, text or list
    """The value of a field; ModelError names one that is missing."""
    if name not in fields:
        raise ModelError("convert.gguf_field", where=where, name=name)
    return fields[name]
