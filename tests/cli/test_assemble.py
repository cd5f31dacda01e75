"""`sun model assemble`: two folders in, a LLaVA with a card out."""

import json
from pathlib import Path

from doctorsun.cli.main import main
from doctorsun.core.strings import use_language
from doctorsun.model.store import load_model
from tests.model.members import write_encoder, write_language


def test_two_folders_become_a_model_with_a_card_that_says_parts_licences_and_tools(tmp_path: Path, capsys):
    eyes, words = write_encoder(tmp_path / "eyes", "clip"), write_language(tmp_path / "words", "qwen3")
    (words / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Words\n")
    asked = ["model", "assemble", "joined", "--vision", str(eyes), "--language", str(words)]
    assert main([*asked, "select=all", "feature_layer=-1"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    made = {row["part"]: row for row in rows if row["event"] == "cli.table_assembled"}
    (seam,) = (row for row in rows if row["event"] == "cli.table_seam")
    parts = load_model(tmp_path / "joined")
    total = sum(parameter.numel() for parameter in parts.model.parameters())
    assert sum(row["parameters"] for row in made.values()) == total
    assert made["projector"]["parameters"] == 32 * 32 * 2 + 2 * 32
    assert seam["image_tokens"] == parts.encoder.image_tokens == 5
    assert "vLLM" in seam["tools"] and "transformers" in seam["tools"]
    card = (tmp_path / "joined" / "README.md").read_text()
    assert "apache-2.0" in card and "CLIPVisionModel" in card and "vLLM" in card and "尚未训练" in card


def test_an_encoder_that_llava_cannot_carry_is_refused_with_what_carries_it(tmp_path: Path, capsys):
    folder = tmp_path / "naflex"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "siglip2"}))
    words = write_language(tmp_path / "words", "llama_tied_base")
    for language, told in (("en", "fixed resolution"), ("zh", "固定分辨率")):
        use_language(language)
        asked = ["model", "assemble", "out", "--vision", str(folder), "--language", str(words)]
        assert main(["--ui", language, *asked]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
