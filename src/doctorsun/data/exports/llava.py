"""LLaVA JSON: `conversations` of human and gpt, `image` a name or a list of names, `<image>` for each.

LLaVA's templates have no system turn, so its words stand before the first question, and in `system` as well.
It has no place for a second answer: what is lost so is counted.
"""

from typing import Any

from doctorsun.core.schema import Sample
from doctorsun.data.export import Outlet, json_list, provenance
from doctorsun.data.markers import escape, folded, marked

ABOUT = "data.export_llava"
ROLES = {"user": "human", "assistant": "gpt"}


def write(outlet: Outlet) -> None:
    """One `SPLIT.json` a split."""
    for part in outlet.parts:
        with json_list(outlet.folder / f"{part}.json") as put:
            for sample in outlet.samples(part):
                if sample.rejected is not None:
                    outlet.counts.drop("data.no_place_for_pair", sample.id)
                put(row(sample, [outlet.picture(picture) for picture in sample.images]))


def row(sample: Sample, names: list[str]) -> dict[str, Any]:
    """One sample; `names` are the files of its pictures."""
    system, messages = folded(sample.messages)
    turns = [{"from": ROLES[message.role], "value": marked(message)} for message in messages]
    told: dict[str, Any] = {}
    if system is not None:
        turns[0]["value"] = f"{escape(system)}\n\n{turns[0]['value']}"
        told["system"] = system
    if names:
        told["image"] = names[0] if len(names) == 1 else names
    return {**provenance(sample), **told, "conversations": turns}
