"""Clinical terms of a text, counted before and after cleaning, and the real reports of ../shared/data."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from doctorsun.language.glossary import glossary

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FORMS = (
    r"\d+(?:\.\d+)?(?:\s?[x×*]\s?\d+(?:\.\d+)?){0,2}\s?(?:mm|cm|HU|mmHg|ml|mL|mg|g/L|g/dL|%|℃)",
    r"\b[cpy]?T[0-4][a-d]?\s?N[0-3][a-c]?\s?M[01]\b|\bM[01]\b|\bT[12](?:WI)?\b|\bDWI\b",
    r"\b[CTLS]\d{1,2}(?:[-/][CTLS]?\d{1,2})?\b",
    r"(?:BI|PI|LI|TI|Lung)-RADS\s?\d[A-C]?|Gleason\s?\d\+\d",
    r"Crohn|Hodgkin|Parkinson|Graves|Virchow|Baker|Hoffa|Schmorl|Kerley|Bosniak|Fleischner|Fazekas|Doppler",
    r"克罗恩|霍奇金|帕金森|何杰金|黄疸|黄染|白细胞|石膏|金属|水肿|高密度|高信号|高血压|常规|双侧|左侧|"
    r"右侧|安静|任何|方叶|关节|支气管|毛玻璃",
)
EXTRA_ZH = (
    "肺 上叶 下叶 中叶 结节 积液 胸腔 纵隔 心影 肋骨 椎体 主动脉 膈 肝 胆囊 肾 脾 脑 骨折 钙化 炎 "
    "肿瘤 癌 感染 疼痛 治疗 手术 药物"
)
EXTRA_EN = (
    "lung lungs lobe nodule effusion pneumothorax consolidation heart cardiac mediastinum mediastinal "
    "silhouette aorta rib ribs spine thoracic granuloma calcified opacity atelectasis edema pleural "
    "pulmonary fracture normal acute chronic disease right left upper lower"
)


@cache
def _pattern() -> re.Pattern[str]:
    terms = glossary().terms.values()
    zh = {word for term in terms for word in term.wordings("zh") if len(word) > 1} | set(EXTRA_ZH.split())
    en = {word for term in terms for word in term.wordings("en") if len(word) > 2} | set(EXTRA_EN.split())
    words = "|".join(re.escape(word) for word in sorted(zh, key=len, reverse=True))
    english = "|".join(re.escape(word) for word in sorted(en, key=len, reverse=True))
    return re.compile("|".join([*FORMS, words, rf"\b(?i:{english})\b"]))


def terms(text: str) -> Counter[str]:
    """How often each clinical term stands in a text."""
    return Counter(found[0] for found in _pattern().finditer(text))


def lost(before: str, after: str, identifiers: Iterable[str] = ()) -> int:
    """How many clinical terms a text has lost; "Graves" in a name and "CT" in a number are none."""
    own = sum((terms(identifier) for identifier in identifiers), Counter[str]())
    return (terms(before) - own - terms(after)).total()


def real_reports() -> dict[str, Callable[[], list[str]]]:
    """The real texts that are on this machine, by name; none of them is a part of the repository."""
    known = {
        "iu-xray-reports": ("iu-xray-reports/dataset.csv", _iu),
        "openi-zh": ("openi-zh-en-xrayglm/data/Xray/openi-zh.json", _openi),
        "huatuo-zh": ("huatuo-llama-med-chinese/data/llama_data.json", _lines),
        "dialogue-zh": ("chinese-medical-dialogue/样例_内科5000-6000.csv", _dialogue),
    }
    return {
        name: lambda path=DATA / place, read=read: read(path)
        for name, (place, read) in known.items()
        if (DATA / place).exists()
    }


def _iu(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [f"{row['findings']} {row['impression']}" for row in csv.DictReader(file)]


def _openi(path: Path) -> list[str]:
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = found if isinstance(found, list) else found["annotations"]
    return [row["caption"] for row in rows]


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [" ".join(str(part) for part in json.loads(line).values()) for line in lines if line.strip()]


def _dialogue(path: Path) -> list[str]:
    with path.open(encoding="gb18030", errors="replace", newline="") as file:
        return [" ".join(row) for row in csv.reader(file)]
