"""Whole slides: tissue is found, tiles have the stated µm per pixel, the label is never read."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from doctorsun.core.errors import RecordError
from doctorsun.imaging.slides import Tiling, is_slide, read_dicom_slide, read_slide, tissue
from doctorsun.imaging.study import StudyLimits
from tests.imaging.files import OnDisk, Packed, saved

LIMITS = StudyLimits()
SIZE = 2048
APERIO = "Aperio Image Library v12.0.15\n{0}x{0} [0,0 {0}x{0}] (256x256)|AppMag = 20|MPP = {1}|Filename = X"
CUT = Tiling(um_per_px=1.0, tile_px=128, overview_px=256)


def slide_pixels(size=SIZE):
    """White glass with a purple square in the upper left quarter and a coordinate grid in blue on it."""
    pixels = np.full((size, size, 3), 245, np.uint8)
    rows, columns = np.indices((size // 2, size // 2))
    pixels[: size // 2, : size // 2] = (150, 40, 130)
    pixels[: size // 2, : size // 2, 2] = (rows // 16 + columns // 16 * 3) % 120 + 100
    return pixels


def halved(pixels, times):
    for _ in range(times):
        pixels = np.asarray(Image.fromarray(pixels).reduce(2))
    return pixels


def svs(folder, *, mpp="0.5", name="a.svs", levels=3):
    """A pyramid in Aperio's style: base, thumbnail in strips, levels, then label and macro."""
    base, options = slide_pixels(), {"photometric": "rgb", "metadata": None}
    tiled = {**options, "tile": (256, 256), "compression": "jpeg"}
    with tifffile.TiffWriter(folder / name) as file:
        file.write(base, description=APERIO.format(SIZE, mpp), **tiled)
        file.write(halved(base, 3), description=APERIO.format(SIZE, mpp), **options)
        for level in range(1, levels):
            file.write(halved(base, 2 * level), description=APERIO.format(SIZE, mpp), **tiled)
        for number, kind in enumerate(("label", "macro")):
            loud = np.full((60, 90, 3), (0, 255, 0), np.uint8)
            file.write(loud, description=f"Aperio\n{kind} 90x60", subfiletype=1 + 8 * number, **options)
    return OnDisk(folder / name)


def ome(folder, *, um=0.5, name="a.ome.tif"):
    with tifffile.TiffWriter(folder / name, ome=True) as file:
        options = {"tile": (256, 256), "photometric": "rgb"}
        resolution = {"resolutionunit": "CENTIMETER"}
        metadata = {"axes": "YXS", "PhysicalSizeX": um, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": um}
        base = slide_pixels()
        file.write(
            base, subifds=2, metadata=metadata, resolution=(1e4 / um, 1e4 / um), **options, **resolution
        )
        for level in (1, 2):
            file.write(
                halved(base, level),
                subfiletype=1,
                resolution=(1e4 / um / 2**level,) * 2,
                **options,
                **resolution,
            )
    return OnDisk(folder / name)


def keys(series):
    return [remark.key for remark in series.remarks]


def refusal(entry, limits=LIMITS):
    with pytest.raises(RecordError) as caught:
        for series in read_slide(entry, limits):
            list(series.frames())
    return caught.value.key


@pytest.mark.parametrize("make", [svs, ome])
def test_an_overview_and_tiles_of_tissue_are_read(tmp_path, make):
    overview, tiles = read_slide(make(tmp_path), LIMITS, tiling=CUT)
    assert overview.shape == (256, 256)
    assert overview.geometry.spacing_mm == pytest.approx((0.004, 0.004), rel=1e-3)
    assert np.abs(overview.frame(0).pixels[:100, :100, 0].astype(int) - 150).max() < 25
    assert len(tiles) == 16
    assert tiles.facts.modality == "SM"
    assert tiles.geometry.spacing_mm == pytest.approx((0.001, 0.001), rel=1e-3)
    for frame in tiles.frames():
        assert frame.meaning == "rgb"
        assert frame.pixels.shape == (128, 128, 3)
        assert np.abs(frame.pixels[..., 0].astype(int) - 150).mean() < 12
    assert (keys(overview), keys(tiles)) == (["imaging.label_not_read"], [])


def test_each_tile_is_the_place_it_says(tmp_path):
    tiling = Tiling(um_per_px=0.5, tile_px=256, overview_px=256)
    _, tiles = read_slide(ome(tmp_path), LIMITS, tiling=tiling)
    base = slide_pixels()
    corners = [(256 * row, 256 * column) for row in range(4) for column in range(4)]
    wanted = {base[top : top + 256, left : left + 256].tobytes() for top, left in corners}
    assert {frame.pixels.tobytes() for frame in tiles.frames()} == wanted


def test_the_label_and_the_macro_are_never_read(tmp_path, monkeypatch):
    from tiffslide import TiffSlide

    monkeypatch.setattr(TiffSlide, "associated_images", property(lambda _: pytest.fail("the label was read")))
    entry = svs(tmp_path)
    raw = bytearray(entry.read())
    loud = np.full((60, 90, 3), (0, 255, 0), np.uint8).tobytes()
    assert raw.count(loud) == 2
    for series in read_slide(entry, LIMITS, tiling=CUT):
        for frame in series.frames():
            assert not ((frame.pixels[..., 1] > 250) & (frame.pixels[..., 0] < 5)).any()


@pytest.mark.parametrize("make", [svs, ome])
def test_a_slide_in_memory_reads_like_one_on_disk(tmp_path, make):
    entry = make(tmp_path)
    there = [frame.pixels for one in read_slide(entry, LIMITS, tiling=CUT) for frame in one.frames()]
    packed = Packed(entry.name, entry.read())
    here = [frame.pixels for one in read_slide(packed, LIMITS, tiling=CUT) for frame in one.frames()]
    assert all((a == b).all() for a, b in zip(there, here, strict=True))


def test_a_coarser_slide_gives_its_finest_level_with_a_remark(tmp_path):
    _, tiles = read_slide(svs(tmp_path, mpp="2.0"), LIMITS, tiling=CUT)
    assert keys(tiles) == ["imaging.slide_coarser"]
    assert tiles.geometry.spacing_mm == pytest.approx((0.002, 0.002))
    assert tiles.frame(0).pixels.shape == (128, 128, 3)


def test_a_slide_without_a_scale_says_so(tmp_path):
    _, tiles = read_slide(svs(tmp_path, mpp="none"), LIMITS, tiling=CUT)
    assert keys(tiles) == ["imaging.slide_no_scale"]
    assert tiles.geometry.spacing_mm is None


def test_the_number_of_tiles_is_bounded_and_the_best_are_spread(tmp_path):
    tiling = Tiling(um_per_px=0.5, tile_px=64, overview_px=512, most=16)
    _, tiles = read_slide(svs(tmp_path), LIMITS, tiling=tiling)
    assert len(tiles) == 16
    assert keys(tiles) == ["imaging.tiles_bounded"]
    assert tiles.remarks[0].values == {"count": 16, "found": 256}


def test_tissue_is_what_is_coloured():
    mask = tissue.tissue_mask(halved(slide_pixels(), 3))
    assert mask[:127, :127].all()
    assert not mask[129:].any()
    grey = np.repeat(np.random.default_rng(0).integers(0, 255, (50, 50, 1), np.uint8), 3, axis=2)
    assert not tissue.tissue_mask(grey).any()


def test_the_order_of_tiles_is_best_of_each_block_first():
    shares = np.zeros((16, 16))
    shares[0, 0], shares[0, 1], shares[15, 15], shares[9, 3] = 1.0, 0.9, 0.6, 0.2
    assert tissue.in_order(shares, 0.5, 9) == ([(0, 0), (15, 15), (0, 1)], 3)
    assert tissue.in_order(shares, 0.5, 2) == ([(0, 0), (15, 15)], 3)
    assert tissue.in_order(shares, 2, 9) == ([], 0)


def test_shares_of_tissue_are_those_counted_by_hand():
    mask = np.random.default_rng(1).random((40, 30)) < 0.4
    found = tissue.shares_of_tissue(mask, (4, 3), (10.0, 10.0))
    assert np.allclose(found, mask.reshape(4, 10, 3, 10).mean(axis=(1, 3)))


def test_a_slide_of_glass_only_gives_tiles_of_the_whole(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.full((600, 600, 3), 240, np.uint8), tile=(256, 256), photometric="rgb")
    _, tiles = read_slide(OnDisk(tmp_path / "a.tif"), LIMITS, tiling=CUT)
    assert "imaging.slide_no_tissue" in keys(tiles)
    assert len(tiles) == 16


def test_a_slide_smaller_than_a_tile_is_one_tile(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(slide_pixels(128), tile=(64, 64), photometric="rgb")
    _, tiles = read_slide(OnDisk(tmp_path / "a.tif"), LIMITS)
    assert [frame.pixels.shape for frame in tiles.frames()] == [(128, 128, 3)]


def test_fluorescence_and_a_huge_single_level_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "deep.tif") as file:
        file.write(np.zeros((512, 512), np.uint16), tile=(256, 256))
    assert refusal(OnDisk(tmp_path / "deep.tif")) == "imaging.no_slide"
    with tifffile.TiffWriter(tmp_path / "flat.tif") as file:
        file.write(slide_pixels(1024), tile=(256, 256), photometric="rgb")
    assert (
        refusal(OnDisk(tmp_path / "flat.tif"), StudyLimits(max_pixels=10**6)) == "imaging.slide_no_overview"
    )


def test_a_damaged_slide_is_refused(tmp_path):
    raw = svs(tmp_path).read()
    random = np.random.default_rng(0)
    for at in (10, 5000, len(raw) // 20, len(raw) // 10):
        assert refusal(Packed("a.svs", raw[:at])) in {"imaging.no_slide", "imaging.damaged"}
    for _ in range(10):
        hurt = bytearray(raw)
        for place in random.integers(0, len(raw), 40):
            hurt[place] = random.integers(0, 256)
        try:
            for series in read_slide(Packed("a.svs", bytes(hurt)), LIMITS, tiling=CUT):
                list(series.frames())
        except RecordError as error:
            assert error.key in {"imaging.no_slide", "imaging.damaged"}


def test_slides_are_told_from_pictures(tmp_path):
    assert is_slide(svs(tmp_path))
    assert is_slide(ome(tmp_path))
    small = saved(Image.new("RGB", (64, 64)), "TIFF")
    assert not is_slide(Packed("a.tif", small))
    assert not is_slide(Packed("a.svs", b"no tiff"))
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(np.zeros((4096, 256, 3), np.uint8), tile=(256, 256), photometric="rgb")
    assert is_slide(OnDisk(tmp_path / "b.tif"))


def test_a_dicom_slide_inside_an_archive_says_what_to_do():
    with pytest.raises(RecordError) as caught:
        read_dicom_slide([Packed("a.dcm", b"x" * 200)], LIMITS)
    assert caught.value.key == "imaging.slide_in_archive"


def test_a_slide_cut_in_its_tiles_is_not_shown_black(tmp_path):
    raw = ome(tmp_path).read()
    assert refusal(Packed("a.ome.tif", raw[: len(raw) * 2 // 3])) in {"imaging.damaged", "imaging.no_slide"}


@pytest.mark.parametrize(("size", "unit", "um"), [(0.25, "µm", 0.25), (250, "nm", 0.25), (1, "pixel", None)])
def test_the_scale_of_an_ome_file_is_that_of_its_description(tmp_path, size, unit, um):
    metadata = {"axes": "YXS", "PhysicalSizeX": size, "PhysicalSizeY": size}
    metadata |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(slide_pixels(512), tile=(256, 256), photometric="rgb", metadata=metadata)
    overview, _ = read_slide(OnDisk(tmp_path / "a.ome.tif"), LIMITS)
    expected = pytest.approx((um / 1000, um / 1000)) if um else None
    assert overview.geometry.spacing_mm == expected


def test_a_slide_cannot_name_other_files_to_be_read(tmp_path):
    description = tifffile.TiffFile(ome(tmp_path, name="secret.ome.tif").path).ome_metadata
    uuid = '<UUID FileName="secret.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000000</UUID>'
    told = description.replace('PlaneCount="1"/>', f'PlaneCount="1">{uuid}</TiffData>')
    assert told != description
    with tifffile.TiffWriter(tmp_path / "b.ome.tif") as file:
        flat = np.full((SIZE, SIZE, 3), 7, np.uint8)
        file.write(flat, tile=(256, 256), photometric="rgb", description=told.encode(), metadata=None)
    try:
        overview, _ = read_slide(OnDisk(tmp_path / "b.ome.tif"), LIMITS, tiling=CUT)
    except RecordError as error:
        assert error.key == "imaging.no_slide"
    else:
        assert (overview.frame(0).pixels == 7).all()
