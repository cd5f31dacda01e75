"""croissant.json: the data set described in MLCommons Croissant 1.0 (with the RAI fields that are known)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from doctorsun.core.strings import say_in
from doctorsun.data.card import by
from doctorsun.data.wording import reason_in

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_FIELDS = (
    "id",
    "lang",
    "task",
    "kind",
    "topic",
    "source",
    "licence",
    "origin",
    "modality",
    "anatomy",
    "group",
    "split",
)


def croissant(info: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON-LD tree of a data set from its dataset.json and the sizes and hashes of its shards."""
    cards = [source["card"] for source in info["sources"].values() if source["present"]]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": info["name"],
        "description": say_in("en", "data.card_intro", licence=info["licence"]),
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "license": info["licence"],
        "url": "https://github.com/doctorsun",
        "version": f"{info['format']}.0.0",
        "inLanguage": ["zh", "en"],
        "citeAs": "; ".join(card["citation"] for card in cards),
        **_responsible(info, cards),
        "distribution": [*map(_file, sorted(files), (files[name] for name in sorted(files))), _file_set()],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "samples",
                "name": "samples",
                "field": [_field(name) for name in _FIELDS],
            }
        ],
    }


def _responsible(info: Mapping[str, Any], cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The RAI fields: where the data come from, what was done to them, whom they may show, how they lean."""
    splits = {part: f"{tally['samples']:,}" for part, tally in info["splits"].items()}
    shares = ", ".join(f"{name} {number:,}" for name, number in by(info, "modality"))
    langs = ", ".join(f"{name} {number:,}" for name, number in by(info, "lang"))
    unsure = [card["name"] for card in cards if not card["patient_groups"]]
    limits = [say_in("en", "data.rai_limits"), *(card["notes"] for card in cards if card["notes"])]
    dropped: Counter[str] = Counter()
    for source in info["sources"].values():
        dropped.update(source["counts"]["dropped"])
    lost = ", ".join(f"{reason_in('en', reason)}: {number:,}" for reason, number in sorted(dropped.items()))
    shown = [card["name"] for card in cards if not card["synthetic"]]
    biases = [say_in("en", "data.rai_biases", modalities=shares, languages=langs)]
    if unsure:
        biases.append(say_in("en", "data.rai_no_patients", sources=", ".join(unsure)))
    return {
        "rai:dataCollection": "; ".join(f"{card['name']}: {card['url'] or card['title']}" for card in cards),
        "rai:dataCollectionType": [
            "Secondary Data Analysis",
            *(["Software Collection"] if len(shown) < len(cards) else []),
        ],
        "rai:dataCollectionMissingData": lost or say_in("en", "data.card_nothing_lost"),
        "rai:dataPreprocessingProtocol": [say_in("en", "data.rai_preprocessing")],
        "rai:dataAnnotationProtocol": say_in("en", "data.rai_annotation"),
        "rai:dataBiases": biases,
        "rai:dataLimitations": limits,
        "rai:dataUseCases": [
            say_in("en", "data.rai_uses", splits=", ".join(f"{k} {v}" for k, v in splits.items()))
        ],
        "rai:personalSensitiveInformation": [
            say_in("en", "data.rai_people", sources=", ".join(shown))
            if shown
            else say_in("en", "data.card_synthetic")
        ],
    }


def _file(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name.rpartition("/")[2],
        "contentUrl": name,
        "contentSize": f"{known['bytes']} B",
        "encodingFormat": "application/x-parquet",
        "sha256": known["sha256"],
    }


def _file_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }


def _field(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"samples/{name}",
        "name": name,
        "dataType": "sc:Text",
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": name}},
    }
