"""`sun data export`, `inspect` and `push`: what they write, what they refuse, in both languages."""

import json
import stat
from pathlib import Path

import pytest

from doctorsun.cli.main import main
from doctorsun.core.schema import Fact
from doctorsun.data.miniature import tiny_picture
from tests.cli.test_road import TINY
from tests.data.published import publish, talk, turn

AUDIT = {"shared": {}, "doubled_ids": 0, "rows_in_the_wrong_split": 0, "official": None, "answers": {}}
SAID = (turn("user", None, "左肺有结节吗？"), turn("assistant", "有"))


@pytest.fixture(autouse=True)
def _made(_own_world: None) -> None:
    facts = (Fact("nodule", status="present"),)
    samples = [
        talk(at, SAID, (tiny_picture(str(at)),), lang="zh", facts=facts, kind="closed") for at in range(3)
    ]
    publish(Path("datasets/mine"), samples, files={"audit.json": json.dumps(AUDIT)})


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a wrong command line gives."""
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error.strip()


@pytest.mark.parametrize("to", ["llava", "sharegpt", "swift", "trl", "webdataset"])
def test_an_export_says_where_it_is_and_how_many_rows_it_has(to: str, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "export", "mine", "--to", to, "--out", "out"]) == 0
    end = told(capsys)[-1]
    assert (end["where"], end["rows"], end["format"]) == ("out", "3", to)
    assert Path("out/README.md").is_file()


@pytest.mark.parametrize(
    ("words", "en", "zh"),
    [
        (["export", "mine", "--to", "lava", "--out", "out"], "'lava'; did you mean: llava", "llava"),
        (
            ["export", "mine", "--to", "llava", "--out", "datasets"],
            "give another folder with --out",
            "--out 另选",
        ),
        (["export", "mine", "--to", "llava"], "--out", "--out"),
        (["push", "mine", "me/mine"], "add --online", "请加上 --online"),
        (["push", "none", "me/mine"], "there is no such data set", "没有名为“none”的数据集"),
        (["inspect", "mine", "--model", "none"], "there is no such model", "没有名为“none”的模型"),
        (["inspect", "mine", "--review", "none"], "none: there is no such folder", "没有这个文件夹"),
        (
            ["inspect", "mine", "--review", "datasets"],
            "no build has read this folder",
            "没有构建读取过该文件夹",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_line_says_what_to_do(capsys: pytest.CaptureFixture[str], words: list[str], en: str, zh: str):
    assert en in complaint(capsys, "data", *words)
    assert zh in complaint(capsys, "--ui", "zh", "data", *words)


def test_a_page_is_written_beside_the_data_set(capsys: pytest.CaptureFixture[str]):
    assert main(["data", "inspect", "mine"]) == 0
    assert told(capsys)[-1]["where"] == "datasets/mine.html"
    page = Path("datasets/mine.html").read_text("utf-8")
    assert "左肺有结节吗？" in page
    assert "词元" not in page


def test_a_page_shows_what_the_model_of_a_recipe_would_learn():
    Path("tiny.yaml").write_text(TINY)
    assert main(["data", "inspect", "mine", "--model", "tiny.yaml", "--out", "page.html"]) == 0
    page = Path("page.html").read_text("utf-8")
    assert "<i>&lt;image ×4&gt;</i>" in page
    learnt = page.split("<i>&lt;|assistant|&gt;</i>")[1].split("</p>")[0]
    assert learnt == "<b>有</b><b>&lt;|end|&gt;</b>"
    assert not stat.S_IMODE(Path("page.html").stat().st_mode) & 0o111


def test_what_waits_in_a_hospitals_folder_is_shown_before_and_after_to_its_owner_alone():
    pytest.importorskip("rapidocr", reason="the extra privacy is not installed")
    from doctorsun.data.counts import Counts
    from doctorsun.data.sources import hospital

    hospital.example(Path("ward"))
    place = hospital.find(Path("ward")) or Path("ward")
    read = list(hospital.records(place, Counts()))
    assert read
    assert main(["data", "inspect", "mine", "--review", str(place), "--out", "page.html"]) == 0
    page = Path("page.html").read_text("utf-8")
    assert stat.S_IMODE(Path("page.html").stat().st_mode) == 0o600
    assert "⟦" in page
    assert main(["data", "inspect", "mine", "--review", str(place), "--out", "datasets/mine/a.html"]) == 2


class FakeApi:
    """Takes the place of huggingface_hub's."""

    made: dict[str, object] = {}

    def __init__(self, endpoint: str | None, token: str | None) -> None:
        self.made.update(endpoint=endpoint, token=token)

    def create_repo(self, repo_id: str, **values: object) -> None:
        self.made.update(repo=repo_id, **values)

    def repo_info(self, repo_id: str, **values: object) -> "FakeApi":
        return self

    private = True

    def upload_folder(self, **values: object) -> None:
        self.made.update(values)


def test_a_push_is_private_and_goes_where_the_environment_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeApi)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("HF_TOKEN", "invented")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert main(["--online", "data", "push", "mine", "me/mine"]) == 0
    made = FakeApi.made
    assert (made["endpoint"], made["token"], made["private"]) == ("http://127.0.0.1:1", "invented", True)
    assert "data/train-00000-of-00001.parquet" in made["allow_patterns"]
    shown = told(capsys)[-1]
    assert shown["event"] == "cli.push_end"
    assert "invented" not in json.dumps(shown)


def test_a_hub_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "invented")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert "me/mine: the hub did not take it" in complaint(
        capsys, "--online", "data", "push", "mine", "me/mine"
    )
