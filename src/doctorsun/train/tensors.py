"""The tensors of a checkpoint: plain safetensors by one process, PyTorch's distributed checkpoint by many.

Both are safetensors files in one folder; the second sort says in each file's header where its pieces belong.
So there is one reader, any number of ranks reads what any number wrote, and nothing is ever unpickled.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, distributed
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from doctorsun.core.errors import ModelError
from doctorsun.core.files import storage_errors
from doctorsun.train.parallel.world import lost_ranks

Shapes = dict[str, tuple[torch.Size, torch.dtype]]


def is_spread(tensors: Mapping[str, Tensor]) -> bool:
    """Whether ranks hold pieces of these tensors, so that all of them must write."""
    return any(isinstance(tensor, DTensor) for tensor in tensors.values())


def save_whole(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Put tensors that this process holds whole into one file."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, file)


def save_pieces(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Put each rank's pieces into a file of its own; a full disk on one of them is a StorageError on all."""
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with storage_errors(folder), _plainly(), _quietly(), lost_ranks():
        save({name: tensor.detach() for name, tensor in tensors.items()}, storage_writer=writer)


def shapes_in(folder: Path) -> Shapes:
    """The shape and type of every tensor in a folder; ModelError if a piece of one is absent."""
    found: Shapes = {}
    for name, told in HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata.items():
        assert isinstance(told, TensorStorageMetadata), "safetensors hold nothing else"
        if sum(int(chunk.sizes.numel()) for chunk in told.chunks) != told.size.numel():
            raise ModelError("model.file_absent", where=folder / name)
        found[name] = told.size, told.properties.dtype
    return found


def load_into(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Fill tensors, whole ones or a rank's pieces, with what the folder holds under their names."""
    alone = not is_spread(tensors)
    with _quietly(), lost_ranks():
        load(
            {name: tensor.detach() for name, tensor in tensors.items()},
            storage_reader=HuggingFaceStorageReader(str(folder)),
            no_dist=alone or not distributed.is_initialized(),
        )


@contextmanager
def _plainly() -> Iterator[None]:
    """Raise what went wrong on a rank instead of the table of all ranks' troubles."""
    try:
        yield
    except CheckpointException as error:
        trouble = next(iter(error.failures.values()))[0]
        raise trouble from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep PyTorch from telling that one process saves or loads alone, and how."""
    logger = logging.getLogger("torch.distributed.checkpoint")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logger.setLevel(before)
