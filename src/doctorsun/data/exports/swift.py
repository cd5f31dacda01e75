"""ms-swift JSONL: `messages` with `<image>` where an image stands, and `images`.

The worse answer of a pair is `rejected_response`, as its preference trainers read it.
"""

from typing import Any

from doctorsun.core.schema import Sample
from doctorsun.data.export import Outlet, json_lines, provenance
from doctorsun.data.markers import escape, marked

ABOUT = "data.export_swift"


def write(outlet: Outlet) -> None:
    """One `SPLIT.jsonl` a split."""
    for part in outlet.parts:
        with json_lines(outlet.folder / f"{part}.jsonl") as put:
            for sample in outlet.samples(part):
                put(row(sample, [outlet.picture(picture) for picture in sample.images]))


def row(sample: Sample, names: list[str]) -> dict[str, Any]:
    """One sample; `names` are the files of its pictures."""
    messages = [{"role": message.role, "content": marked(message)} for message in sample.messages]
    pair = {"rejected_response": escape(sample.rejected)} if sample.rejected is not None else {}
    return {"messages": messages, "images": names, **pair, **provenance(sample)}
