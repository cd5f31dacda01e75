"""ShareGPT as LLaMA-Factory reads it: `conversations`, `images`, `system`, and a `dataset_info.json`."""

import json
from typing import Any

from doctorsun.core.files import write_whole
from doctorsun.core.schema import Sample
from doctorsun.data.export import Outlet, json_list, provenance
from doctorsun.data.exports.llava import ROLES
from doctorsun.data.markers import escape, folded, marked

ABOUT = "data.export_sharegpt"


def write(outlet: Outlet) -> None:
    """One `SPLIT.json` a split, and `dataset_info.json` that names them NAME_SPLIT."""
    for part in outlet.parts:
        with json_list(outlet.folder / f"{part}.json") as put:
            for sample in outlet.samples(part):
                put(row(sample, [outlet.picture(picture) for picture in sample.images]))
    told = {f"{outlet.dataset.name}_{part}": _told(part) for part in outlet.parts}
    write_whole(outlet.folder / "dataset_info.json", json.dumps(told, ensure_ascii=False, indent=2) + "\n")


def row(sample: Sample, names: list[str]) -> dict[str, Any]:
    """One sample; `names` are the files of its pictures. A row without a system turn has an empty one."""
    system, messages = folded(sample.messages)
    turns = [{"from": ROLES[message.role], "value": marked(message)} for message in messages]
    return {**provenance(sample), "system": escape(system or ""), "conversations": turns, "images": names}


def _told(part: str) -> dict[str, Any]:
    """What LLaMA-Factory must be told of one file."""
    return {
        "file_name": f"{part}.json",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": "images", "system": "system"},
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": ROLES["user"],
            "assistant_tag": ROLES["assistant"],
        },
    }
