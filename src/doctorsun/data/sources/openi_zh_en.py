"""Open-i reports, zh and en, as XrayGLM rewrote and translated them: one caption a film in each language."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Fact, Lang, Origin, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder, pictures_below, read_json, read_picture

FILES: dict[Lang, str] = {"zh": "openi-zh.json", "en": "openi-en.json"}
# The English words were rewritten by a machine from the reports, the Chinese ones translated from them.
ORIGINS: dict[Lang, Origin] = {"zh": "translated", "en": "synthetic"}
CARD = Card(
    name="openi_zh_en",
    title="Open-i reports in Chinese and English (XrayGLM)",
    licence="CC-BY-NC-ND-4.0",
    url="https://github.com/WangRongsheng/XrayGLM",
    languages=("zh", "en"),
    citation="Wang R, Duan Y, Li J, et al. XrayGLM: the first Chinese medical multimodal model. 2023.",
    obtain="Clone the repository, unpack its films; openi-zh.json, openi-en.json and the PNG files are read.",
    obtain_zh="克隆该仓库并解压胸片；读取 openi-zh.json、openi-en.json 和 PNG 文件。",
    size="6,423 films with two captions each",
    non_commercial=True,
    notes=(
        "The repository says CC BY-NC-SA 4.0; the reports under it are CC BY-NC-ND 4.0, so the stricter one "
        "stands here. The captions are a machine's: English ones rewritten from the reports, Chinese ones "
        "translated; some end with a question to the reader."
    ),
)


def find(root: Path) -> Path | None:
    """The folder above the captions of both languages, else the folder of one of them."""
    found = first_folder(root, lambda at: any(name in at.files for name in FILES.values()))
    both = found and all(next(found.rglob(name), None) for name in FILES.values())
    if found is None or both or found == root:
        return found
    above = found.parent
    return above if all(next(above.rglob(name), None) for name in FILES.values()) else found


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "openi" / "data"
    ids = [f"{report}_{film}" for report in (11, 12, 13) for film in (1, 2)]
    for name in ids:
        put_picture(place / "Xray" / f"{name}.png")
    captions = {"zh": "虚构的胸片描述{}。", "en": "An invented description of film {}."}
    for lang, words in captions.items():
        rows = [{"image_id": name, "caption": words.format(name)} for name in ids]
        inner = place / "Xray" if lang == "zh" else place
        put_text(inner / f"openi-{lang}.json", json.dumps({"annotations": rows}))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a film with its captions; films of one report are one group."""
    captions = {lang: _captions(place, name, counts) for lang, name in FILES.items()}
    files = pictures_below(place)
    for name in dict.fromkeys(name for found in captions.values() for name in found):
        if name not in files:
            counts.drop("data.image_absent", name)
            continue
        try:
            picture = read_picture(files[name], files[name].name)
        except RecordError as error:
            counts.drop(error.key, name)
            continue
        texts = [
            Text(
                answer=found[name],
                lang=lang,
                task="report",
                kind="report",
                origin=ORIGINS[lang],
                key="report",
            )
            for lang, found in captions.items()
            if name in found
        ]
        yield Record(
            id=name,
            images=(picture,),
            facts=(Fact("modality", value=json.dumps("xray")), Fact("region", value=json.dumps("chest"))),
            texts=tuple(texts),
            modality="xray",
            anatomy="chest",
            group=name.partition("_")[0],
        )


def _captions(place: Path, name: str, counts: Counts) -> Mapping[str, str]:
    """The captions of one language by the id of their film."""
    path = next(iter(sorted(place.rglob(name))), None)
    if path is None:
        return {}
    tree = read_json(path)
    rows = tree.get("annotations") if isinstance(tree, dict) else None
    if not isinstance(rows, list):
        raise DataError("data.missing_column", where=name, column="annotations", found="-")
    found: dict[str, str] = {}
    for at, row in enumerate(rows):
        said = (row.get("image_id"), row.get("caption")) if isinstance(row, dict) else (None, None)
        if not all(isinstance(each, str) and each.strip() for each in said):
            counts.drop("data.bad_row", f"{name}/{at}")
            continue
        found.setdefault(str(said[0]), str(said[1]).strip())
    return found
