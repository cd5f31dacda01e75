"""Fuzzes the DICOM reader and the picture reader with atheris, guided by coverage; last, one JSON object.

A finding is a crash or any exception that is not a refusal; its input is kept in `--out`. Each reader has a
process of its own, since libFuzzer ends the process it ran in. Seeds are pydicom's small files and made
pictures. atheris is no dependency of this project: pip install atheris, into an environment that has it.
"""

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

READERS = ("dicom", "picture")
LONGEST = 65_536
ONE_INPUT_S = 10


def fuzz(reader: str, corpus: Path, out: Path, seconds: int) -> None:
    """In the process of one reader: fuzz until the time is over or something is found."""
    import atheris

    with atheris.instrument_imports(include=["doctorsun.imaging", "pydicom", "PIL"]):
        from tests.imaging.mutations import REFUSALS, read_dicom, read_picture
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.dcm")

        def one_input(raw: bytes) -> None:
            try:
                if reader == "dicom":
                    path.write_bytes(raw)
                    read_dicom(path)
                else:
                    read_picture(raw)
            except REFUSALS:
                return

        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={ONE_INPUT_S}"]
        options += ["-rss_limit_mb=2048", f"-artifact_prefix={out}/{reader}-", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], str(corpus), *options], one_input)
        atheris.Fuzz()


def seeds(reader: str, corpus: Path) -> None:
    """Lay the seeds of a reader into a folder."""
    from tests.imaging.mutations import dicom_seeds, picture_seeds

    for name, raw in (dicom_seeds() if reader == "dicom" else picture_seeds()).items():
        (corpus / name).write_bytes(raw)


def run(reader: str, out: Path, seconds: int) -> dict[str, object]:
    """Fuzz one reader in a process of its own: how many inputs it took, and what it found."""
    before = set(out.glob(f"{reader}-*"))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        seeds(reader, corpus)
        command = [sys.executable, __file__, "--reader", reader, "--corpus", folder]
        command += ["--out", str(out), "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counted = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    found = sorted(path.name for path in set(out.glob(f"{reader}-*")) - before)
    if found or done.returncode:
        (out / f"{reader}.log").write_text(done.stderr[-20_000:] + done.stdout[-20_000:], encoding="utf-8")
    return {"runs": int(counted[1]) if counted else 0, "findings": found, "exit": done.returncode}


def main() -> None:
    """Fuzz both readers, half of the time each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for both readers together")
    parser.add_argument("--quick", action="store_true", help="30 seconds")
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"), help="where findings are kept")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.exit("atheris is not installed; run: pip install atheris")
    if options.reader:
        fuzz(options.reader, options.corpus, options.out, options.seconds)
        return
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    seconds = (30 if options.quick else options.seconds) // len(READERS)
    results = {reader: run(reader, out, seconds) for reader in READERS}
    total = sum(int(str(one["runs"])) for one in results.values())
    findings = [name for one in results.values() for name in one["findings"]]  # type: ignore[attr-defined]
    print(json.dumps({"runs": total, "findings": findings, "seconds": seconds * len(READERS), **results}))


if __name__ == "__main__":
    main()
