"""DICOM whole slides: levels in files of their own, the label left unread."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage, generate_uid

from doctorsun.core.errors import RecordError
from doctorsun.imaging.slides import Tiling, read_dicom_slide
from doctorsun.imaging.study import StudyLimits
from tests.imaging.files import OnDisk
from tests.imaging.test_slides import halved, slide_pixels

LIMITS = StudyLimits()
TILE = 256
CUT = Tiling(um_per_px=1.0, tile_px=128, overview_px=256)
STUDY = generate_uid(entropy_srcs=["study"])


def jpeg(pixels):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def item(**elements):
    found = Dataset()
    for name, value in elements.items():
        setattr(found, name, value)
    return found


def level(path, pixels, *, um, slide="1", flavour="VOLUME"):
    size = pixels.shape[0]
    starts = range(0, size, TILE)
    frames = [jpeg(pixels[top : top + TILE, left : left + TILE]) for top in starts for left in starts]
    uid = generate_uid(entropy_srcs=[str(path), flavour])
    measures = item(PixelSpacing=[um / 1000, um / 1000], SliceThickness=0.001)
    image = item(
        SOPClassUID=VLWholeSlideMicroscopyImageStorage,
        SOPInstanceUID=uid,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=generate_uid(entropy_srcs=["series", slide]),
        FrameOfReferenceUID=generate_uid(entropy_srcs=["frame", slide]),
        Modality="SM",
        ImageType=["ORIGINAL", "PRIMARY", flavour, "NONE"],
        Rows=TILE,
        Columns=TILE,
        TotalPixelMatrixRows=size,
        TotalPixelMatrixColumns=size,
        ImagedVolumeWidth=size * um / 1000,
        ImagedVolumeHeight=size * um / 1000,
        ImagedVolumeDepth=0.001,
        NumberOfFrames=len(frames),
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        DimensionOrganizationType="TILED_FULL",
        NumberOfOpticalPaths=1,
        TotalPixelMatrixFocalPlanes=1,
        ImageOrientationSlide=[0, -1, 0, -1, 0, 0],
        LossyImageCompression="01",
        SharedFunctionalGroupsSequence=[item(PixelMeasuresSequence=[measures])],
        OpticalPathSequence=[item(OpticalPathIdentifier="1")],
        PatientName="Zhang^San",
        PixelData=encapsulate(frames),
    )
    image["PixelData"].VR = "OB"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    image.save_as(path, enforce_file_format=True)
    return OnDisk(path)


@pytest.fixture
def slide(tmp_path):
    base = slide_pixels(1024)
    return [
        level(tmp_path / "2.dcm", halved(base, 2), um=2.0),
        level(tmp_path / "0.dcm", base, um=0.5),
    ]


def test_levels_of_any_order_become_an_overview_and_tiles(slide):
    overview, tiles = read_dicom_slide(slide, LIMITS, tiling=CUT)
    assert overview.shape == (256, 256)
    assert overview.geometry.spacing_mm == pytest.approx((0.002, 0.002))
    assert len(tiles) == 4
    assert tiles.geometry.spacing_mm == pytest.approx((0.001, 0.001))
    for frame in tiles.frames():
        assert frame.pixels.shape == (128, 128, 3)
        assert np.abs(frame.pixels[..., 0].astype(int) - 150).mean() < 12
    assert [remark.key for remark in overview.remarks] == ["imaging.label_not_read"]


def test_each_tile_is_the_place_it_says(slide):
    _, tiles = read_dicom_slide(slide, LIMITS, tiling=Tiling(um_per_px=0.5, tile_px=256, overview_px=256))
    base = slide_pixels(1024).astype(int)
    corners = [(top, left) for top in (0, 256) for left in (0, 256)]
    for frame in tiles.frames():
        far = [
            np.abs(frame.pixels - base[top : top + 256, left : left + 256]).mean() for top, left in corners
        ]
        assert min(far) < 4


def test_the_file_of_the_label_is_never_opened(slide, tmp_path, monkeypatch):
    from wsidicom import WsiDicom

    label = level(tmp_path / "label.dcm", np.full((256, 256, 3), 250, np.uint8), um=9, flavour="LABEL")
    opened = []
    real = WsiDicom.open
    monkeypatch.setattr(WsiDicom, "open", lambda paths: opened.extend(paths) or real(paths))
    for series in read_dicom_slide([label, *slide], LIMITS, tiling=CUT):
        list(series.frames())
    assert opened
    assert label.path not in opened
    with pytest.raises(RecordError) as caught:
        read_dicom_slide([label], LIMITS)
    assert caught.value.key == "imaging.no_slide"


def test_two_slides_are_kept_apart_and_a_bad_one_is_told(slide, tmp_path):
    other = level(tmp_path / "b.dcm", slide_pixels(512), um=0.5, slide="2")
    assert len(read_dicom_slide([*slide, other], LIMITS, tiling=CUT)) == 4
    bad = level(tmp_path / "c.dcm", slide_pixels(512), um=0.5, slide="3")
    raw = bytearray(bad.read())
    at = raw.index(b"\x28\x00\x02\x00US")  # samples per pixel
    raw[at + 8 : at + 10] = b"\x09\x00"
    bad.path.write_bytes(raw)
    series = read_dicom_slide([*slide, bad], LIMITS, tiling=CUT)
    assert len(series) == 2
    assert (series[0].remarks[-1].key, series[0].remarks[-1].where) == ("imaging.damaged", "c.dcm")


def test_a_slide_cut_short_is_refused(slide):
    for entry in slide:
        raw = entry.read()
        entry.path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(RecordError) as caught:
        for series in read_dicom_slide(slide, LIMITS, tiling=CUT):
            list(series.frames())
    assert caught.value.key in {"imaging.damaged", "imaging.no_slide"}
