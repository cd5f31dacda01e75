"""`sun model convert`: the source's format is found, the result says what it is, errors say what to type."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from doctorsun.cli.main import main  # noqa: E402
from doctorsun.model.store import save_model  # noqa: E402
from tests.model.tiny import tiny_parts  # noqa: E402

RECIPE = {
    "name": "small",
    "stages": [
        {"kind": "align", "projector": {"mode": "full"}, "vision": {"mode": "frozen"}},
        {"kind": "instruct", "name": "hybrid", "vision": {"mode": "lora"}, "language": {"mode": "full"}},
    ],
}
SOURCES = {"squares": {"title": "Squares", "licence": "Apache-2.0", "synthetic": True}}
DATA = {"name": "d", "licence": "CC-BY-NC-4.0", "non_commercial": True, "sources": SOURCES}
RESULT = {
    "task": "slake",
    "split": "test",
    "lang": "zh",
    "slice": "all",
    "metric": "closed_accuracy",
    "protocol": "strict",
    "condition": "image",
    "n": 7,
    "value": 0.5,
    "low": 0.25,
    "high": 0.75,
}


@pytest.fixture
def run() -> Path:
    """A run with its model and an evaluation."""
    place = Path("runs/small")
    save_model(tiny_parts(), place / "model", about={"recipe": RECIPE, "data": DATA})
    (place / "eval" / "slake").mkdir(parents=True)
    rows = [RESULT, RESULT | {"condition": "blank", "value": 0.125}]
    (place / "eval" / "slake" / "results.json").write_text(json.dumps(rows))
    return place


def test_a_run_is_converted_by_its_name_and_back(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["model", "convert", "small", "--to", "llava", "--out", "out"]) == 0
    assert main(["model", "convert", "out", "--to", "hf", "--out", "back"]) == 0
    ends = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(end["source"], end["target"]) for end in ends] == [("hf", "llava"), ("llava", "hf")]


def test_the_card_of_the_result_is_filled_from_the_run(run: Path):
    assert main(["model", "convert", str(run), "--to", "gguf", "--out", "out"]) == 0
    card = Path("out/README.md").read_text(encoding="utf-8")
    assert "license: cc-by-nc-4.0" in card and "library_name: gguf" in card and "llama.cpp" in card
    assert "| Squares | Apache-2.0 | synthetic 合成数据 |" in card
    assert "forbid commercial use" in card and "禁止商用" in card
    assert "| 2 | hybrid | instruct | vision, language |" in card
    assert "| slake | test | zh | closed_accuracy (strict) | 7 | 0.500 (0.250-0.750) |" in card
    assert "0.125" not in card and "before the conversion" in card
    assert "Not for: diagnosis" in card and "不用于诊断" in card
    assert "| hf | gguf | - |" in card


def test_a_wrong_word_says_what_to_type_and_writes_nothing(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["model", "convert", str(run), "--to", "ggfu", "--out", "out"]) == 2
    assert "gguf" in capsys.readouterr().err
    assert main(["model", "convert", str(run), "--to", "xtuner", "--quantise", "nf4", "--out", "out"]) == 2
    assert "--to xtuner" in capsys.readouterr().err
    assert main(["--ui", "zh", "model", "convert", "nirgends", "--to", "hf", "--out", "out"]) == 2
    assert "没有" in capsys.readouterr().err
    assert not Path("out").exists()
