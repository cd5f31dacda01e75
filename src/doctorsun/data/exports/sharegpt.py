"""ShareGPT as LLaMA-Factory reads it: `conversations`, `images`, `system`, and a `dataset_info.json`.

Preference pairs have files of their own, which `dataset_info.json` calls rankings.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from doctorsun.core.files import write_whole
from doctorsun.core.schema import Message, Sample
from doctorsun.data.export import Outlet, Put, json_list, provenance, worse_answer
from doctorsun.data.exports.llava import ROLES
from doctorsun.data.markers import escape, folded, marked

ABOUT = "data.export_sharegpt"
PAIRS = "_pairs"


def write(outlet: Outlet) -> None:
    """One `SPLIT.json` a split, one `SPLIT_pairs.json` of its pairs, all named in `dataset_info.json`."""
    told: dict[str, Any] = {}
    for part in outlet.parts:
        with ExitStack() as files:
            opened: dict[str, Put] = {"": files.enter_context(json_list(outlet.folder / f"{part}.json"))}
            for sample in outlet.samples(part):
                kind = PAIRS if sample.rejected is not None else ""
                if kind not in opened:
                    opened[kind] = files.enter_context(json_list(outlet.folder / f"{part}{kind}.json"))
                make: Callable[[Sample, list[str]], dict[str, Any]] = pair_row if kind else row
                opened[kind](make(sample, [outlet.picture(picture) for picture in sample.images]))
        told |= {f"{outlet.dataset.name}_{part}{kind}": _told(part, kind) for kind in opened}
    write_whole(outlet.folder / "dataset_info.json", json.dumps(told, ensure_ascii=False, indent=2) + "\n")


def row(sample: Sample, names: list[str]) -> dict[str, Any]:
    """One sample; `names` are the files of its pictures. A row without a system turn has an empty one."""
    system, messages = folded(sample.messages)
    turns = [_turn(message) for message in messages]
    return {**provenance(sample), "system": escape(system or ""), "conversations": turns, "images": names}


def pair_row(sample: Sample, names: list[str]) -> dict[str, Any]:
    """One pair: the turns up to the question, and both answers apart."""
    whole = row(sample, names)
    *turns, chosen = whole["conversations"]
    return {**whole, "conversations": turns, "chosen": chosen, "rejected": _turn(worse_answer(sample))}


def _turn(message: Message) -> dict[str, str]:
    return {"from": ROLES[message.role], "value": marked(message)}


def _told(part: str, kind: str) -> dict[str, Any]:
    """What LLaMA-Factory must be told of one file."""
    columns = {"messages": "conversations", "images": "images", "system": "system"}
    ranked: dict[str, Any] = {"ranking": True} if kind else {}
    return {
        "file_name": f"{part}{kind}.json",
        "formatting": "sharegpt",
        **ranked,
        "columns": columns | ({"chosen": "chosen", "rejected": "rejected"} if kind else {}),
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": ROLES["user"],
            "assistant_tag": ROLES["assistant"],
        },
    }
