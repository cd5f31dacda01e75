"""TRL's own collator for vision takes the data set as it is built, and the export made for it."""

import pytest

from doctorsun.data.export import export
from tests.data.published import publish, talk, turn
from tests.model.tiny import picture, tiny_parts

trl = pytest.importorskip("trl", reason="trl is not installed: pip install doctorsun[dev]")
datasets = pytest.importorskip("datasets", reason="datasets is not installed")


@pytest.fixture(scope="module")
def collator():
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    return DataCollatorForVisionLanguageModeling(tiny_parts().processor)


@pytest.fixture(scope="module")
def samples():
    pictures = (picture(0), picture(1))
    return [
        talk(0, (turn("user", None, "这幅图像中有什么？"), turn("assistant", "左肺结节")), pictures[:1]),
        talk(1, (turn("user", None, "a", None, "b?"), turn("assistant", "No.")), pictures),
        talk(
            2, (turn("system", "Be brief."), turn("user", "What is <image> in HTML?"), turn("assistant", "A"))
        ),
        talk(3, (turn("user", None, "Is it? <image>"), turn("assistant", "Yes.")), pictures[:1]),
    ]


def loaded(folder, cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return datasets.load_dataset(str(folder), cache_dir=str(cache))["train"]


def test_the_collator_takes_the_export(collator, samples, tmp_path, monkeypatch):
    dataset = publish(tmp_path / "set", samples)
    export(dataset.path, "trl", tmp_path / "out")
    rows = loaded(tmp_path / "out", tmp_path / "cache", monkeypatch)
    batch = collator([rows[at] for at in range(len(samples))])
    assert batch["input_ids"].shape == batch["labels"].shape
    assert len(batch["pixel_values"]) == 4
    image = collator.processor.image_token_id
    places = (batch["input_ids"] == image).sum(1).tolist()
    assert places == [16, 32, 0, 16]
    said = collator.processor.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
    assert "左肺结节" in said[0]
    assert "What is < image> in HTML?" in said[2]


def test_the_collator_takes_the_data_set_itself(collator, samples, tmp_path, monkeypatch):
    clear = [sample for sample in samples if "<image>" not in "".join(m.text for m in sample.messages)]
    dataset = publish(tmp_path / "set", clear)
    rows = loaded(dataset.path, tmp_path / "cache", monkeypatch)
    batch = collator([rows[at] for at in range(len(clear))])
    assert len(batch["pixel_values"]) == 3
    assert (batch["input_ids"] == collator.processor.image_token_id).sum(1).tolist() == [16, 32]


def test_a_built_data_set_goes_through_the_collator(collator, built, tmp_path, monkeypatch):
    export(built.path, "trl", tmp_path / "out")
    rows = loaded(tmp_path / "out", tmp_path / "cache", monkeypatch)
    wanted = [at for at, images in enumerate(rows["images"]) if images][:3]
    text = next(at for at, images in enumerate(rows["images"]) if not images)
    batch = collator([rows[at] for at in (*wanted, text)])
    assert len(batch["pixel_values"]) == 3
    assert len(batch["input_ids"]) == 4
