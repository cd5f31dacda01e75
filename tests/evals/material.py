"""An invented data set and invented models for the tests of evaluation."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from doctorsun.core.chat import Piece, Reply, Request
from doctorsun.core.schema import Fact, Lang, Message, Part, Picture, Sample
from doctorsun.data.shards import Row, sha256, write_shard
from doctorsun.language.answers import label, question_key
from doctorsun.language.glossary import glossary

_WORDS = {
    "en": ("Which tumour?", "Is it {}?", "Choose.", "Describe."),
    "zh": ("是哪种肿瘤？", "是{}吗？", "请选择。", "请描述。"),
}
TUMOURS = ("glioma", "meningioma", "pituitary_tumor", "no_tumor")


def picture(kind: int, at: int) -> bytes:
    """A picture that shows its class by the place of a bright square; no two are equal."""
    image = Image.new("L", (48, 40), 20)
    draw = ImageDraw.Draw(image)
    left, top = 4 + 22 * (kind % 2), 4 + 18 * (kind // 2)
    draw.rectangle((left, top, left + 14, top + 12), fill=150 + at % 100)
    image.putpixel((47, 39), at % 256)
    image.putpixel((46, 39), at // 256)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def sample(name: str, question: str, answer: str, image: bytes | None, **fields: object) -> Sample:
    """A Sample of one question; what is not said is that of a closed English question on an MRI."""
    place = (Part("image"),) if image is not None else ()
    known: dict[str, object] = {
        "lang": "en",
        "task": "vqa",
        "source": "brain",
        "licence": "CC0-1.0",
        "origin": "template",
        "kind": "closed",
        "topic": "diagnosis",
        "modality": "mri",
        "split": "test",
    }
    return Sample(
        id=name,
        images=(Picture(image, f"{name}.png"),) if image is not None else (),
        messages=(
            Message("user", (*place, Part("text", question))),
            Message("assistant", (Part("text", answer),)),
        ),
        **{**known, **fields},
    )


def brain_samples(split: str, count: int, *, first: int = 0) -> list[Sample]:
    """For each picture in zh and en: which tumour, is it one, one of four, and what is seen."""
    found = []
    rng = random.Random(f"{split}{first}")
    for at in range(first, first + count):
        kind = at % 4
        image, tumour = picture(kind, at), TUMOURS[kind]
        asked = tumour if (at // 4) % 2 else TUMOURS[(kind + 1) % 4]
        options = rng.sample(TUMOURS, 4)
        for lang in ("en", "zh"):
            about = (tumour, asked, options)
            found += _one_picture(f"{split}-{at}-{lang}", lang, image, about, group=f"g{at // 2}")
    return [_with_split(one, split) for one in found]


def write(folder: Path, *, name: str = "brain", **splits: list[Sample]) -> Path:
    """The folder of a data set with these splits."""
    files = {}
    (folder / "data").mkdir(parents=True)
    for split, samples in splits.items():
        path = folder / "data" / f"{split}-00000-of-00001.parquet"
        write_shard(path, [_row(one) for one in samples])
        files[f"data/{path.name}"] = {"bytes": path.stat().st_size, "sha256": sha256(path.read_bytes())}
    info = {"name": name, "licence": "CC0-1.0", "splits": {key: len(found) for key, found in splits.items()}}
    (folder / "dataset.json").write_text(json.dumps({**info, "files": files}))
    return folder


class Model:
    """A Chat that answers by a function of the request, and counts what it is asked."""

    def __init__(self, answer: Callable[[Request], str], *, name: str = "invented") -> None:
        self.name = name
        self.asked: list[Request] = []
        self._answer = answer

    def stream(self, request: Request) -> Iterator[Piece]:
        yield Piece(self._answer(request))

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            self.asked.append(request)
            text = self._answer(request)
            yield Reply(text, tokens=len(text))


class Oracle:
    """Knows the right answer to every question about every picture, and what each picture shows."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._known = {self._key(one.messages[:-1], [p.bytes for p in one.images]): one for one in samples}

    def __call__(self, request: Request) -> str:
        found = self._known.get(self._key(request.messages, request.images))
        return found.messages[-1].text if found else ""

    @staticmethod
    def _key(messages: Sequence[Message], images: Sequence[bytes]) -> tuple[str, ...]:
        return (messages[-1].text, *(hashlib.sha256(image).hexdigest() for image in images))


def _one_picture(
    name: str, lang: Lang, image: bytes, about: tuple[str, str, list[str]], *, group: str
) -> list[Sample]:
    tumour, asked, options = about
    what, whether, choose, describe = _WORDS[lang]
    named = [glossary().answer(option, lang) for option in options]
    lines = "".join(f"\n{letter}. {option}" for letter, option in zip("ABCD", named, strict=True))
    status = "present" if asked == tumour else "absent"
    fact = Fact("brain_tumor", value=json.dumps(tumour))
    shared = {"lang": lang, "group": group}
    yes = glossary().answer("yes" if status == "present" else "no", lang)
    return [
        sample(
            f"{name}-what",
            what,
            glossary().answer(tumour, lang),
            image,
            facts=(fact,),
            phrasing=f"tumour.what/{len(name) % 8}",
            **shared,
        ),
        sample(
            f"{name}-yesno",
            whether.format(glossary().answer(asked, lang)),
            yes,
            image,
            facts=(Fact("brain_tumor", value=json.dumps(asked), status=status),),
            phrasing="tumour.yesno/3",
            **shared,
        ),
        sample(
            f"{name}-choice",
            choose + lines,
            "ABCD"[options.index(tumour)],
            image,
            kind="choice",
            choices=tuple(named),
            facts=(fact,),
            **shared,
        ),
        sample(
            f"{name}-open",
            describe,
            {
                "en": f"The MRI shows {glossary().answer(tumour, 'en')}.",
                "zh": f"磁共振显示{glossary().answer(tumour, 'zh')}。",
            }[lang],
            image,
            kind="open",
            topic="finding",
            origin="human",
            **shared,
        ),
    ]


def _with_split(one: Sample, split: str) -> Sample:
    return replace(one, split=split)


def _row(one: Sample) -> Row:
    names = tuple(sha256(image.bytes) for image in one.images)
    return Row(one, label(one), question_key(one), False, names, names)
