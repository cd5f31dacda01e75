"""What a user can fix is one line on standard error in the user's language, and exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from doctorsun.cli import main as cli
from doctorsun.cli.commands import VERBS
from doctorsun.cli.main import main
from doctorsun.core.config import preset_names
from tests.house import HANZI, PACKAGE

HEAVY = {"torch", "transformers", "sklearn", "pyarrow", "PIL", "pydantic", "numpy"}


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a wrong command line gives."""
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.endswith("\n")
    assert error.count("\n") == 1, error
    return error.strip()


def made_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


def test_help_imports_nothing_heavy():
    seen = (
        "import sys; from doctorsun.cli.main import main; code = main(['--help'])\n"
        f"print(code, sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"


def test_every_verb_is_a_file_and_every_file_a_verb():
    files = {path.stem for path in (PACKAGE / "cli" / "verbs").glob("[!_]*.py")}
    assert files == set(VERBS)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_help_lists_every_verb_in_the_users_language(capsys: pytest.CaptureFixture[str], lang: str):
    assert main(["--ui", lang, "--help"]) == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        line = next(line for line in shown.splitlines() if line.split()[:1] == [verb])
        assert bool(HANZI.search(line)) == (lang == "zh")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_in_the_users_language(
    capsys: pytest.CaptureFixture[str], verb: str, lang: str
):
    assert main([verb, "--help", "--ui", lang]) == 0
    shown = capsys.readouterr().out
    assert f"sun {verb}" in shown
    assert bool(HANZI.search(shown)) == (lang == "zh")


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "quickstart" in capsys.readouterr().out


def test_the_locale_sets_the_language(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert HANZI.search(complaint(capsys, "doctro"))


@pytest.mark.parametrize(
    ("words", "en", "zh"),
    [
        (["doctro"], "there is no verb 'doctro'; did you mean: doctor", "您是否要输入：doctor"),
        (["data", "biuld"], "sun data: there is no verb 'biuld'; did you mean: build", "您是否要输入：build"),
        (["ask"], "sun ask: MODEL is missing", "缺少 MODEL"),
        (["ask", "m"], "sun ask: QUESTION is missing", "缺少 QUESTION"),
        (["ask", "m", "q", "--imge", "x"], "no option '--imge'; did you mean: --image", "--image"),
        (["ask", "m", "what", "is", "it"], "'is it' is too much; put a text", "多出“is it”"),
        (["ask", "m", " "], "sun ask: QUESTION is missing", "缺少 QUESTION"),
        (["ask", "", "q"], "'': there is no such model", "没有名为“”的模型"),
        (["ask", "m", "q", "--image"], "--image lacks its value", "--image 缺少值"),
        (["doctor", "--json=1"], "--json lacks its value, or has one", "--json 缺少值，或不应带值"),
        (["ask", "m", "q", "--max-tokens", "many"], "found 'many'; expected a whole number", "应为整数"),
        (
            ["ask", "m", "q", "--max-tokens", "0"],
            "--max-tokens: found '0'; expected at least 1",
            "应不小于 1",
        ),
        (["eval", "m"], "sun eval: DATASET is missing", "缺少 DATASET"),
        (["train", "quickstrat"], "no preset 'quickstrat'; did you mean: quickstart", "quickstart"),
        (["train", "none.yaml"], "none.yaml: there is no such file", "没有这个文件"),
        (["train", "quickstart", "sed=1"], "unknown key 'sed'; did you mean: seed", "未知的键“sed”"),
        (["train", "quickstart", "seed"], "'seed' is no override", "“seed”"),
        (["train", "quickstart", "seed=many"], "quickstart: seed: found 'many'", "seed"),
        (["data", "build", "quickstrat"], "did you mean: quickstart", "quickstart"),
        (["data", "build", "quickstart", "data.sed=1"], "unknown key 'sed'", "未知的键“sed”"),
        (["data", "audit", "none"], "there is no such data set", "没有名为“none”的数据集"),
        (["ask", "none", "q"], "there is no such model", "没有名为“none”的模型"),
        (["chat", "none"], "there is no such model", "没有名为“none”的模型"),
        (["eval", "none", "none"], "there is no such model", "没有名为“none”的模型"),
        (["--ui"], "expected zh or en", "zh 或 en"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_line_says_what_to_type(
    capsys: pytest.CaptureFixture[str], words: list[str], en: str, zh: str
):
    if "quickstart" not in preset_names():
        pytest.skip("the preset quickstart is not there")
    assert en in complaint(capsys, *words)
    if words != ["--ui"]:
        shown = complaint(capsys, "--ui", "zh", *words)
        assert zh in shown
        assert HANZI.search(shown)


def test_a_group_without_a_verb_shows_its_help(capsys: pytest.CaptureFixture[str]):
    assert main(["data"]) == 0
    assert "inspect" in capsys.readouterr().out


def test_the_near_name_of_a_model_is_a_run_that_has_one(capsys: pytest.CaptureFixture[str]):
    made_model(Path("runs/quickstart/model"))
    assert "did you mean: quickstart" in complaint(capsys, "ask", "quickstar", "q")


def test_a_folder_that_is_no_model_is_refused(capsys: pytest.CaptureFixture[str]):
    Path("pictures").mkdir()
    assert "pictures: this is no model" in complaint(capsys, "ask", "pictures", "q")


def test_a_run_without_a_model_says_to_go_on_training(capsys: pytest.CaptureFixture[str]):
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/recipe.yaml").write_text("name: mine\n")
    assert "run sun train again" in complaint(capsys, "ask", "runs/mine", "q")


def test_a_folder_that_is_no_data_set_is_refused(capsys: pytest.CaptureFixture[str]):
    made_model(Path("model"))
    Path("pictures").mkdir()
    assert "pictures: this is no built data set" in complaint(capsys, "eval", "model", "pictures")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.png", b"these are words"),
        ("empty.png", b""),
        ("page.png", b"<html><body>no picture</body></html>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(
    capsys: pytest.CaptureFixture[str], name: str, content: bytes, lang: str
):
    made_model(Path("model"))
    Path(name).write_bytes(content)
    shown = complaint(capsys, "--ui", lang, "ask", "model", "q", "--image", name)
    assert shown.startswith(f"{name}：不是可读取的图像" if lang == "zh" else f"{name}: this is no picture")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_is_cut_off_is_refused(capsys: pytest.CaptureFixture[str], kind: str):
    made_model(Path("model"))
    Image.effect_noise((64, 64), 80).save("whole.img", kind)
    whole = Path("whole.img").read_bytes()
    Path("half.img").write_bytes(whole[: len(whole) // 2])
    assert "this is no picture" in complaint(capsys, "ask", "model", "q", "--image", "half.img")


def test_a_picture_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]):
    made_model(Path("model"))
    assert "none.png: there is no such file" in complaint(capsys, "ask", "model", "q", "--image", "none.png")


def test_a_folder_without_a_picture_says_how_to_look_into_it(capsys: pytest.CaptureFixture[str]):
    made_model(Path("model"))
    Path("films").mkdir()
    said = complaint(capsys, "ask", "model", "q", "--image", "films")
    assert "films: no picture in it can be read; see: sun study show films" in said


def test_a_picture_beyond_the_limit_is_refused_before_it_is_decoded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    made_model(Path("model"))
    Image.new("1", (9000, 9000)).save("large.png")
    assert "81 million pixels" in complaint(capsys, "ask", "model", "q", "--image", "large.png")


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    class Failing:
        def main(self, *_: object, **__: object) -> None:
            raise error

    monkeypatch.setattr(cli.typer.main, "get_command", lambda app: Failing())


def test_a_full_disk_is_one_line_wherever_it_happens(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    fail_with(monkeypatch, OSError(28, "No space left on device", "runs/a/metrics.jsonl"))
    shown = complaint(capsys, "doctor")
    assert shown.startswith("runs/a/metrics.jsonl: the disk is full")
    assert "what was finished is kept" in shown


def test_a_file_where_a_folder_belongs_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    fail_with(monkeypatch, FileExistsError(17, "File exists", "notes.txt"))
    assert complaint(capsys, "doctor").startswith("notes.txt: no folder can be made here")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    fail_with(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        main(["doctor"])


def test_debug_shows_where_a_mistake_was_found(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "none.yaml", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "words"), [("en", "stopped"), ("zh", "已停止")])
def test_a_stop_by_the_user_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lang: str, words: str
):
    fail_with(monkeypatch, KeyboardInterrupt())
    assert main(["--ui", lang, "doctor"]) == 130
    assert words in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("doctorsun 0.")


def test_doctor_writes_json_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    code = main(["doctor", "--data", "raw"])
    checks = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert code == 2
    assert checks["data"]["level"] == "FAIL"
    assert checks["python"]["level"] == "OK"
    assert checks["network"]["level"] == "OK"
    assert all(row["mend"] for row in checks.values() if row["level"] != "OK")
