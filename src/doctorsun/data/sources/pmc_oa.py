"""PMC-OA: figures of PubMed Central, cut into their panels, with the part of the caption that tells each."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.papers import PaperLicences, paper_of
from doctorsun.data.reading import Folder, first_folder
from doctorsun.data.visual import Pictures, illustrated, words

# One of the first two holds all; the others are an older release in parts.
WHOLE = ("pmc_oa.jsonl", "pmc_oa_beta.jsonl")
PARTS: dict[str, Split | None] = {"train.jsonl": None, "valid.jsonl": "validation", "test.jsonl": "test"}
FOLDERS = ("images", "figures", "caption_T060_filtered_top4_sep_v0_subfigures")
CARD = Card(
    name="pmc_oa",
    title="PMC-OA",
    licence="unknown",
    url="https://huggingface.co/datasets/axiong/pmc_oa",
    languages=("en",),
    citation=(
        "Lin W, Zhao Z, Zhang X, Wu C, Zhang Y, Wang Y, Xie W. PMC-CLIP: Contrastive language-image "
        "pre-training using biomedical documents. MICCAI 2023."
    ),
    obtain=(
        "Download pmc_oa.jsonl and images.zip into one folder and unpack the archive into images/. For the "
        "licence of each paper put oa_comm_use_file_list.csv of ftp.ncbi.nlm.nih.gov/pub/pmc beside them."
    ),
    obtain_zh=(
        "把 pmc_oa.jsonl 和 images.zip 下载到同一个文件夹，压缩包解压到 images/。若需要每篇论文的许可证，"
        "请把 ftp.ncbi.nlm.nih.gov/pub/pmc 的 oa_comm_use_file_list.csv 放在一起。"
    ),
    size="1,646,592 pictures with captions, 20 GB",
    notes=(
        "Each figure has the licence of its paper; it is told where a file list of PubMed Central lies "
        "beside the captions, else it is 'unknown'. The group is the paper. Captions were cut by a language "
        "model."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the captions."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place, lines = folder / "pmc_oa", []
    for number in range(8):
        name = f"PMC{900000 + number // 2}_Fig{number}_1.jpg"
        lines.append(json.dumps({"image": name, "caption": f"Invented caption of figure {number}."}))
        put_picture(place / "images" / name)
    put_text(place / WHOLE[0], "\n".join(lines) + "\n")
    head = ["File", "Article Citation", "AccessionID", "LastUpdated", "PMID", "License"]
    rows = [["f", "c", f"PMC{900000 + at}", "d", "1", ("CC BY", "CC0", "CC BY-NC")[at]] for at in range(3)]
    put_table(place / "oa_file_list.csv", head, rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture with its caption."""
    whole = next((name for name in WHOLE if (place / name).is_file()), None)
    parts: dict[str, Split | None] = {whole: None} if whole else PARTS
    licences = PaperLicences(place)
    pictures = Pictures(place, *FOLDERS, search=False)
    for part, split in parts.items():
        for at, row in json_rows(place / part, counts) if (place / part).is_file() else ():
            name, caption = words(row.get("image")), words(row.get("caption"))
            if not name or not caption:
                counts.drop("data.bad_row", at)
                continue
            stem = Path(name).stem
            paper = words(row.get("pmcid")) or paper_of(name)
            record = Record(
                id=stem,
                texts=(Text(caption, lang="en", task="caption", key="caption"),),
                group=paper or stem,
                licence=licences.of(paper),
                split=split,
            )
            yield from illustrated(record, (name,), pictures, counts)


def _fits(folder: Folder) -> bool:
    return any(name in folder.files for name in WHOLE) or any(
        name in folder.files and _names_paper(folder.path / name) for name in PARTS
    )


def _names_paper(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(20_000)
    except OSError:
        return False
    return '"pmcid"' in head and '"caption"' in head
