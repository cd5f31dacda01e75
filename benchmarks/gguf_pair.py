"""Does llama.cpp answer from an exported GGUF pair like the original? Fifty pictures, greedy, text by text.

llama.cpp's multimodal runner is built from the source package that `llama-cpp-python` puts on PyPI, for the
CPU, with one compiler at low priority; what is built stays in `--work` and is used again. Two runners are
made: `shipped`, and `mended`, in which CLIP's class token stands first again (llama.cpp pull request 25844:
since May 2025 it is put last, which no GGUF can undo). Each pair (f32, f16, q8_0) is asked the same questions
as the original by `LocalChat`; `odd` asks about the same pictures in another size and shape, so that both
must pad and resize, `odd_prepared` about those after the original's own padding and resizing; `siglip` has an
encoder without class token. Last, one JSON object.
(The file is not named gguf.py: that would hide the library.)

    python benchmarks/gguf_pair.py [--model runs/quickstart] [--data datasets/quickstart] [--work DIR]
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from transformers import SiglipVisionConfig, SiglipVisionModel

from doctorsun.core.chat import Reply, Request
from doctorsun.core.schema import Message, Part, Sample
from doctorsun.data.dataset import open_dataset
from doctorsun.engines.local import LocalChat
from doctorsun.model.conversion import convert
from doctorsun.model.joining import Pieces, join
from doctorsun.model.pictures import PictureProcessor, image_processor
from doctorsun.model.shards import causal_model
from doctorsun.model.store import load_model, load_processor, save_model

PACKAGE = "llama-cpp-python==0.3.36"
WRONG = "inp = ggml_concat(ctx0, inp, model.class_embedding, 1);"
RIGHT = "inp = ggml_concat(ctx0, model.class_embedding, inp, 1);"
SWITCHES = {
    "CMAKE_BUILD_TYPE": "Release",
    "BUILD_SHARED_LIBS": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_OPENSSL": "OFF",
    "GGML_OPENMP": "OFF",
}
TOKENS = 64
TRIES = 30
MARKER = "<__media__>"


@dataclass(frozen=True)
class Asked:
    """One question about one picture, and what the original answers."""

    question: str
    picture: bytes
    lang: str
    reply: Reply


def run(*command: str | Path) -> None:
    """Run a program at low priority; what it says goes to standard error."""
    subprocess.run(["nice", "-n", "19", *map(str, command)], check=True, stdout=sys.stderr)


def sources(work: Path) -> Path:
    """The folder with llama.cpp's sources, fetched once."""
    place = work / "llama"
    if (place / "CMakeLists.txt").is_file():
        return place
    if not list(work.glob("llama_cpp_python-*.tar.gz")):
        run(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", PACKAGE, "-d", work)
    (archive,) = work.glob("llama_cpp_python-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(work / "unpacked", filter="data")
    (found,) = (work / "unpacked").glob("*/vendor/llama.cpp")
    found.rename(place)
    return place


def runners(work: Path) -> dict[str, Path]:
    """The two runners, built where they are not there yet."""
    made = {name: work / f"llama-mtmd-cli-{name}" for name in ("shipped", "mended")}
    if all(path.is_file() for path in made.values()):
        return made
    place, build = sources(work), work / "build"
    run("cmake", "-S", place, "-B", build, *[f"-D{name}={value}" for name, value in SWITCHES.items()])
    graph = place / "tools" / "mtmd" / "models" / "llava.cpp"
    text = graph.read_text(encoding="utf-8")
    for name, line in (("shipped", WRONG), ("mended", RIGHT)):
        wanted = text.replace(WRONG, line).replace(RIGHT, line)
        if graph.read_text(encoding="utf-8") != wanted:
            graph.write_text(wanted, encoding="utf-8")
        run("cmake", "--build", build, "--target", "llama-mtmd-cli", "-j", "1")
        made[name].write_bytes((build / "bin" / "llama-mtmd-cli").read_bytes())
        made[name].chmod(0o755)
    return made


def chosen(data: Path, count: int) -> list[Sample]:
    """Samples of the test split, each about another picture, as many in Chinese as in English.

    Of each picture another of its questions is taken, so that names, sides, sizes and reports all occur.
    """
    asked: dict[str, list[Sample]] = {}
    for sample in open_dataset(data).rows("test"):
        if len(sample.images) == 1 and len(sample.messages) == 2:
            asked.setdefault(str(sample.group), []).append(sample)
    found: list[Sample] = []
    for number, samples in enumerate(list(asked.values())[:: max(1, len(asked) // count)]):
        fitting = [sample for sample in samples if sample.lang == ("zh", "en")[number % 2]] or samples
        found.append(fitting[number * 3 % len(fitting)])
    return found[:count]


def odd(picture: bytes) -> bytes:
    """The same picture, larger and no longer square."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize((int(image.width * 1.7), int(image.height * 1.25)), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def originals(chat: LocalChat, samples: Sequence[Sample], change: bool) -> list[Asked]:
    """What the original answers, greedily."""
    pictures = [odd(sample.images[0].bytes) if change else sample.images[0].bytes for sample in samples]
    questions = [sample.messages[0].text for sample in samples]
    requests = [
        Request((Message("user", (Part("image"), Part("text", question))),), (picture,), TOKENS)
        for question, picture in zip(questions, pictures, strict=True)
    ]
    rows = zip(samples, questions, pictures, chat.answer(requests), strict=True)
    return [Asked(question, picture, sample.lang, reply) for sample, question, picture, reply in rows]


def prepared(place: Path, rows: Sequence[Asked]) -> list[Asked]:
    """The same questions about pictures that are already padded and resized as the original does it."""
    pictures = PictureProcessor(load_processor(place).image_processor)
    found = []
    for asked in rows:
        file = io.BytesIO()
        Image.fromarray(pictures.levels(asked.picture).numpy()).save(file, "PNG")
        found.append(replace(asked, picture=file.getvalue()))
    return found


def answer(runner: Path, pair: Path, asked: Asked, image: Path) -> str:
    """What llama.cpp answers, greedily."""
    (eyes,) = pair.glob("mmproj-*.gguf")
    (words,) = set(pair.glob("*.gguf")) - {eyes}
    image.write_bytes(asked.picture)
    prompt = f"{MARKER}\n{asked.question}"
    command = [runner, "-m", words, "--mmproj", eyes, "--image", image, "-p", prompt, "--temp", "0"]
    command += ["-n", str(TOKENS), "-t", "1", "--no-warmup", "--jinja", "--log-colors", "off"]
    for _ in range(TRIES):
        done = subprocess.run(
            ["nice", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=300,
        )
        # Its log thread may be stopped before it has written all; a whole answer ends with three line breaks.
        if done.stdout.endswith(b"\n\n\n"):
            return done.stdout.decode("utf-8").strip()
    raise RuntimeError(f"{runner}: no whole answer in {TRIES} tries")


def with_siglip(place: Path, out: Path) -> Path:
    """The same language model behind a SigLIP encoder with random weights: what it says means nothing, but it
    is said word by word from what the encoder sees, and llama.cpp as shipped must say the same."""
    parts = load_model(place)
    eyes = parts.model.config.vision_config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tower = SiglipVisionModel(
            SiglipVisionConfig(
                hidden_size=eyes.hidden_size,
                intermediate_size=eyes.intermediate_size,
                num_hidden_layers=eyes.num_hidden_layers,
                num_attention_heads=eyes.num_attention_heads,
                image_size=eyes.image_size,
                patch_size=eyes.patch_size,
                vision_use_head=False,
            )
        )
        for name, parameter in tower.named_parameters():
            if not name.endswith("bias") and "norm" not in name:
                torch.nn.init.normal_(parameter, std=0.1)
    pieces = Pieces(
        vision=tower,
        pictures=image_processor(eyes.image_size, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        language=causal_model(parts),
        tokenizer=parts.processor.tokenizer,
        projector=parts.model.model.multi_modal_projector.state_dict(),
        select="full",
    )
    save_model(join(pieces), out)
    return out


def compare(name: str, runner: Path, pair: Path, rows: Sequence[Asked]) -> dict[str, object]:
    """The share of equal answers, and each that differs, with how sure the original was of its words."""
    equal, start = 0, time.perf_counter()
    differ = []
    with tempfile.TemporaryDirectory() as folder:
        for number, asked in enumerate(rows):
            theirs, ours = (
                answer(runner, pair, asked, Path(folder) / f"{number}.png"),
                asked.reply.text.strip(),
            )
            if theirs == ours:
                equal += 1
            else:
                doubt = min(asked.reply.logprobs or (0.0,))
                differ.append({"ours": ours, "theirs": theirs, "least_logprob": round(doubt, 3)})
                print(
                    f"{name:14} {asked.lang}  {ours!r}  !=  {theirs!r}  (least log-probability {doubt:.3f})"
                )
    share = equal / len(rows)
    print(f"{name:14} equal {equal}/{len(rows)}  {time.perf_counter() - start:.0f} s")
    said = len({asked.reply.text for asked in rows})
    return {"equal": equal, "asked": len(rows), "share": round(share, 4), "answers": said, "differ": differ}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--data", type=Path, default=Path("datasets/quickstart"))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "convert")
    parser.add_argument("--pictures", type=int, default=50)
    parser.add_argument(
        "--quick", action="store_true", help="five pictures, float16, the mended runner alone"
    )
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    built = runners(args.work)
    samples = chosen(args.data, 5 if args.quick else args.pictures)
    place = args.model / "model" if (args.model / "model").is_dir() else args.model
    chat = LocalChat(place, device="cpu")
    plain, changed = originals(chat, samples, False), originals(chat, samples, True)
    roads = [
        ("mended", "f16", "", plain),
        ("mended", "f32", "", plain),
        ("mended", "q8_0", "", plain),
        ("mended", "f16", "_odd", changed),
        ("mended", "f16", "_odd_prepared", prepared(place, changed)),
        ("shipped", "f32", "", plain),
    ]
    result: dict[str, object] = {"package": PACKAGE, "pictures": len(samples), "model": place.as_posix()}
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        if not args.quick:
            other = with_siglip(place, Path(folder) / "siglip")
            convert(other, Path(folder) / "f32_siglip", to="gguf", quantise="f32")
            seen = originals(LocalChat(other, device="cpu"), samples, False)
            roads.append(("shipped", "f32", "_siglip", seen))
        for runner, kind, more, rows in roads[: 1 if args.quick else None]:
            pair = Path(folder) / (kind + ("_siglip" if more == "_siglip" else ""))
            if not pair.is_dir():
                convert(place, pair, to="gguf", quantise=kind)
            name = f"{runner}_{kind}{more}"
            result[name] = compare(name, built[runner], pair, rows)
    json.dump(result, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
