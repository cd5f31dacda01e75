"""PubMedVision: figures of PubMed Central with talks that GPT-4V wrote of them, in English and in Chinese."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.formats.layout import Layout
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder
from doctorsun.data.visual import Pictures, lost, shown, words

ALIGNMENT, INSTRUCTION = "PubMedVision_Alignment_VQA.json", "PubMedVision_InstructionTuning_VQA.json"
CHINESE = "PubMedVision_Chinese.json"
# In the Chinese file one row holds both talks.
BOTH = ("Alignment_VQA_conversations", "Instruction-Tuning_VQA_conversations")
FILES: dict[str, Sequence[str]] = {
    ALIGNMENT: ("conversations",),
    INSTRUCTION: ("conversations",),
    CHINESE: BOTH,
}
MODALITIES = {
    "computed tomography": "ct",
    "magnetic resonance imaging": "mri",
    "x-ray": "xray",
    "ultrasound": "ultrasound",
    "histopathology": "histology",
    "fundus photography": "fundus_photo",
    "dermoscopy": "dermoscopy",
}
CARD = Card(
    name="pubmedvision",
    title="PubMedVision",
    licence="Apache-2.0",
    url="https://huggingface.co/datasets/FreedomIntelligence/PubMedVision",
    languages=("en", "zh"),
    citation=(
        "Chen J, Gui C, Ouyang R, and others. HuatuoGPT-Vision: Towards injecting medical visual knowledge "
        "into multimodal LLMs at scale. EMNLP 2024."
    ),
    obtain=(
        f"Download {ALIGNMENT}, {INSTRUCTION}, {CHINESE} and images_0.zip to images_19.zip; unpack the "
        "pictures without their folders into images/ beside the files."
    ),
    obtain_zh=(
        f"下载 {ALIGNMENT}、{INSTRUCTION}、{CHINESE} 以及 images_0.zip 至 images_19.zip；"
        "图像不带目录解压到文件旁的 images/。"
    ),
    size="1,294,062 talks on 914,960 pictures, about 60 GB",
    patient_groups=False,
    notes=(
        "Talks were written by GPT-4V from captions: origin synthetic. The publisher says Apache-2.0; the "
        "figures stay under the licences of their papers. The paper is told by a number in a picture's "
        "name, which is the group. What a program says of modality is not made into questions."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return first_folder(root, lambda at: any(name in at.files for name in FILES))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "PubMedVision"
    for at, file in enumerate((ALIGNMENT, INSTRUCTION)):
        rows = []
        for number in range(4):
            names = [f"images/pmc_{number}_{each}.jpg" for each in range(1 + number % 2)]
            for name in names:
                put_picture(place / name)
            said = _talk(f"What is invented in {number} of {file}?", f"A blot {number}.")
            row = {"image": names, "id": f"{file[13:-5]}_{number}", "conversations": said}
            rows.append({**row, "modality": "Computed Tomography", "body_part": "Chest", "number": at})
        put_text(place / file, json.dumps(rows))
    rows = []
    for number in range(3):
        said = _talk(f"虚构的图像{number}中有什么？", f"虚构的亮点{number}。")
        asked = _talk(f"虚构的问题{number}？", f"虚构的回答{number}。")
        rows.append({"image": [f"images/pmc_{number}_0.jpg"], BOTH[0]: said, BOTH[1]: asked})
    put_text(place / CHINESE, json.dumps(rows, ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a talk, with all its pictures."""
    show = partial(shown, Pictures(place, "images", search=False))
    for file, keys in FILES.items():
        lang = "zh" if file == CHINESE else "en"
        readers = [
            Conversations(counts, show, lang=lang, origin="synthetic", layout=Layout(messages=(key,)))
            for key in keys
        ]
        for at, row in json_rows(place / file, counts) if (place / file).is_file() else ():
            for part, reader in enumerate(readers):
                for record in reader.records([(at, row)]):
                    if not record.images:
                        lost(record, "data.image_absent", counts)
                        continue
                    yield replace(
                        record,
                        id=f"{lang}/{record.id}" + (f"/{part}" if len(readers) > 1 else ""),
                        modality=MODALITIES.get(words(row.get("modality")).lower()),
                        group=_paper(record),
                    )


def _paper(record: Record) -> str:
    """The number of the paper in the name of the first picture: pmc_PAPER_FIGURE.jpg."""
    stem = PurePosixPath(record.images[0].path).stem
    return stem.rpartition("_")[0] or stem


def _talk(question: str, answer: str) -> list[dict[str, str]]:
    return [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
