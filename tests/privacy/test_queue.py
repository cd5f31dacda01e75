"""The queue of a folder shows what waits for a person, and how it is released."""

import stat

import numpy as np
import pytest
from PIL import Image

from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.folder import deidentify_folder
from doctorsun.privacy.queue import write_queue
from doctorsun.privacy.reports import columns_of
from tests.privacy.leftovers import KEY


def test_pictures_and_texts_stand_before_and_after_on_one_page(tmp_path):
    pytest.importorskip("rapidocr")
    source, out, listed = tmp_path / "in", tmp_path / "out", tmp_path / "sources.json"
    source.mkdir()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(source / "scan.png")
    (source / "a.csv").write_text("姓名,报告\n李四,李四 右肺结节8mm\n", encoding="utf-8")
    done = deidentify_folder(source, out, key=KEY, sources_list=listed, policy=DicomPolicy())
    page = write_queue(
        tmp_path / "review.html",
        source,
        outside=out,
        sources_list=listed,
        key=KEY,
        columns=columns_of(DicomPolicy()),
    )
    words = page.read_text(encoding="utf-8")
    assert [number for number in done.held if f"--approve {number}" in words] == list(done.held)
    assert "a.csv:2 报告" in words
    assert "[姓名] 右肺结节8mm" in words
    assert words.count('data-picture="') == 2
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
