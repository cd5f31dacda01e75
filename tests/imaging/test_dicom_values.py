"""From stored values to units: each step of the standard, with its known answer."""

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from doctorsun.imaging.opening import load_study
from tests.imaging.dicoms import MG, SC, US, ct_slice, dicom, item, pet, saved, slope

HALF_LIFE_SUV = 2.5 * 70_000 / (350e6 / 2)


def frame_of(dataset, folder):
    study = load_study(saved(dataset, folder / "one.dcm"))
    assert not study.refused, study.refused
    return study.series[0].frame(0)


def test_monochrome1_keeps_its_values_and_is_marked_as_inverted(tmp_path):
    frame = frame_of(dicom(slope(), PhotometricInterpretation="MONOCHROME1"), tmp_path)
    assert frame.inverted
    assert np.array_equal(frame.pixels, slope())


@pytest.mark.parametrize(("slope_", "intercept"), [(1, -1024), (2, 3), (0.0137, -1.5), (1e-7, 0)])
def test_a_rescale_is_pydicoms_to_the_last_bit(tmp_path, slope_, intercept):
    stored = np.random.default_rng(5).integers(-(2**15), 2**15, (40, 40)).astype(np.int16)
    dataset = dicom(stored, RescaleSlope=slope_, RescaleIntercept=intercept)
    from pydicom.pixels import apply_rescale

    expected = apply_rescale(stored, dataset).astype(np.float32)
    assert np.array_equal(frame_of(dataset, tmp_path).pixels, expected)


def test_twelve_bits_with_a_sign_are_filled_up_from_bit_eleven(tmp_path):
    stored = np.array([[-1, -2048], [2047, 5]], np.int16)
    dataset = dicom((stored & 0x0FFF).astype(np.int16), BitsStored=12, HighBit=11)
    assert np.array_equal(frame_of(dataset, tmp_path).pixels, stored)


def test_bits_that_lie_high_are_moved_down(tmp_path):
    stored = np.array([[-1, -2048], [2047, 5]], np.int16)
    dataset = dicom((stored << 4).astype(np.int16), BitsStored=12, HighBit=15)
    assert np.array_equal(frame_of(dataset, tmp_path).pixels, stored)


def test_big_endian_and_planar_colours_are_put_in_order(tmp_path):
    colours = np.arange(6 * 8 * 3).reshape(6, 8, 3).astype(np.uint8)
    planar = dicom(colours, sop_class=SC, modality="OT", PlanarConfiguration=1)
    planar.PixelData = np.ascontiguousarray(colours.transpose(2, 0, 1)).tobytes()
    frame = frame_of(planar, tmp_path)
    assert frame.meaning == "rgb"
    assert np.array_equal(frame.pixels, colours)
    big = dicom(slope(), syntax=ExplicitVRBigEndian)
    big.PixelData = slope().astype(">i2").tobytes()
    dcmwrite(tmp_path / "big.dcm", big, implicit_vr=False, little_endian=False)
    assert np.array_equal(load_study(tmp_path / "big.dcm").series[0].frame(0).pixels, slope())


def test_a_palette_becomes_its_colours(tmp_path):
    table = np.random.default_rng(3).integers(0, 256, (3, 200)).astype(np.uint16)
    indexes = np.arange(48).reshape(6, 8).astype(np.uint8) * 4
    dataset = dicom(indexes, sop_class=US, modality="US", PhotometricInterpretation="PALETTE COLOR")
    for name, channel in zip(("Red", "Green", "Blue"), table, strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [200, 4, 16])
        setattr(dataset, f"{name}PaletteColorLookupTableData", (channel << 8).tobytes())
    frame = frame_of(dataset, tmp_path)
    places = np.clip(indexes.astype(int) - 4, 0, 199)
    assert np.array_equal(frame.pixels, table.T[places])


def test_a_segmented_palette_is_expanded(tmp_path):
    indexes = np.array([[0, 1, 2, 3]], np.uint8)
    dataset = dicom(indexes, sop_class=US, modality="US", PhotometricInterpretation="PALETTE COLOR")
    # A discrete segment of one entry, then a linear one of three up to 40 (PS3.3 C.7.9.2.2).
    segments = np.array([0, 1, 10 << 8, 1, 3, 40 << 8], "<u2").tobytes()
    for name in ("Red", "Green", "Blue"):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(dataset, f"Segmented{name}PaletteColorLookupTableData", segments)
    assert frame_of(dataset, tmp_path).pixels[0, :, 0].tolist() == [10, 20, 30, 40]


def test_a_modality_lut_takes_the_place_of_a_rescale(tmp_path):
    table = item(
        LUTDescriptor=[50, 10, 16], LUTData=np.arange(1000, 1050, dtype="<u2").tobytes(), ModalityLUTType="US"
    )
    dataset = dicom(slope(dtype=np.uint16) % 90, modality="DX", ModalityLUTSequence=table)
    expected = 1000 + np.clip(slope(dtype=np.uint16).astype(int) % 90 - 10, 0, 49)
    frame = frame_of(dataset, tmp_path)
    assert np.array_equal(frame.pixels, expected)
    assert frame.pixels.dtype == np.float32


def test_a_voi_lut_and_a_window_are_handed_on_and_not_applied(tmp_path):
    table = item(LUTDescriptor=[4, -2, 12], LUTData=np.array([0, 1024, 2048, 4095], "<u2").tobytes())
    dataset = ct_slice(
        0, VOILUTSequence=table, WindowCenter=[40, 50], WindowWidth=[400, 500], VOILUTFunction="SIGMOID"
    )
    frame = frame_of(dataset, tmp_path)
    assert (frame.window.center, frame.window.width, frame.window.function) == (40, 400, "sigmoid")
    assert frame.lut.first == -2
    assert frame.lut.levels == pytest.approx([0, 1024 / 4095, 2048 / 4095, 1])
    assert np.array_equal(frame.pixels, slope() - 1024.0)


def test_padding_is_told_in_the_units_of_the_frame(tmp_path):
    dataset = ct_slice(0, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1900)
    assert frame_of(dataset, tmp_path).padding == (-3024, -2924)


def test_float_pixels_come_as_they_are(tmp_path):
    values = np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 8)
    dataset = dicom(slope(dtype=np.int32), modality="MR")
    del dataset.PixelData
    dataset.FloatPixelData = values.tobytes()
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)
    assert np.array_equal(frame_of(dataset, tmp_path).pixels, values)


def test_a_frame_of_a_compressed_film_is_found(tmp_path):
    frames = np.stack([slope(dtype=np.uint16) + 40 + number for number in range(5)]).astype(np.uint16)
    dataset = dicom(frames, modality="XA")
    dataset.compress(RLELossless)
    series = load_study(saved(dataset, tmp_path / "film.dcm")).series[0]
    assert np.array_equal(series.frame(3).pixels, frames[3])
    assert np.array_equal(series.voxels(), frames)


def test_ultrasound_regions_and_their_scale_are_told(tmp_path):
    region = item(
        RegionSpatialFormat=1,
        RegionLocationMinX0=2,
        RegionLocationMinY0=1,
        RegionLocationMaxX1=6,
        RegionLocationMaxY1=4,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.02,
        PhysicalDeltaY=0.03,
    )
    dataset = dicom(slope(dtype=np.uint8), sop_class=US, modality="US", SequenceOfUltrasoundRegions=region)
    frame = frame_of(dataset, tmp_path)
    assert frame.regions == ((2, 1, 7, 5),)
    assert frame.geometry.spacing_mm == pytest.approx((0.3, 0.2))


def test_the_side_and_the_view_of_a_mammogram_are_facts(tmp_path):
    view = item(CodeValue="399368009", CodingSchemeDesignator="SCT", CodeMeaning="medio-lateral oblique")
    dataset = dicom(
        slope(dtype=np.uint16), sop_class=MG, modality="MG", ImageLaterality="L", ViewCodeSequence=view
    )
    dataset.BodyPartExamined = "BREAST"
    facts = load_study(saved(dataset, tmp_path / "mg.dcm")).series[0].facts
    assert (facts.modality, facts.laterality, facts.view, facts.body_part) == ("MG", "left", "MLO", "BREAST")


def test_an_suv_is_weight_over_what_is_left_of_the_dose(tmp_path):
    frame = frame_of(pet(WindowCenter=1000, WindowWidth=2000), tmp_path)
    assert frame.meaning == "suv"
    stored = slope(dtype=np.uint16)
    assert frame.pixels == pytest.approx(stored * HALF_LIFE_SUV, rel=1e-6)
    assert frame.window.width == pytest.approx(2000 * HALF_LIFE_SUV / 2.5)


def test_a_dose_corrected_to_its_administration_does_not_decay_again(tmp_path):
    frame = frame_of(pet(DecayCorrection="ADMIN"), tmp_path)
    assert frame.pixels == pytest.approx(slope(dtype=np.uint16) * HALF_LIFE_SUV / 2, rel=1e-6)


def test_a_series_made_after_the_scan_counts_from_the_scan(tmp_path):
    frame = frame_of(pet(SeriesTime="130000"), tmp_path)
    assert frame.pixels == pytest.approx(slope(dtype=np.uint16) * HALF_LIFE_SUV, rel=1e-6)


@pytest.mark.parametrize(
    ("elements", "lacking"),
    [
        ({"PatientWeight": None}, "PatientWeight"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection"),
        ({"CorrectedImage": ["ATTN"]}, "CorrectedImage"),
        ({"SeriesTime": "", "AcquisitionTime": ""}, "SeriesTime"),
    ],
)
def test_where_no_suv_can_be_had_the_activity_stays_and_the_reason_is_told(tmp_path, elements, lacking):
    (series,) = load_study(saved(pet(**elements), tmp_path / "pt.dcm")).series
    assert series.frame(0).meaning == "bq_ml"
    assert series.frame(0).pixels == pytest.approx(slope(dtype=np.uint16) * 2.5)
    (remark,) = series.remarks
    assert (remark.key, remark.values) == ("imaging.no_suv", {"lacking": lacking})


def test_counts_of_philips_become_suv_by_its_own_factor(tmp_path):
    dataset = pet(Units="CNTS")
    dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "0.5")
    frame = frame_of(dataset, tmp_path)
    assert frame.meaning == "suv"
    assert frame.pixels == pytest.approx(slope(dtype=np.uint16) * 1.25)


def test_each_segment_is_a_series_of_labels(tmp_path):
    import highdicom as hd
    from pydicom.sr.codedict import codes

    sources = [ct_slice(z, number=z + 1) for z in range(3)]
    for source in sources:
        source.StudyInstanceUID, source.PatientID, source.FrameOfReferenceUID = "1.2.9", "x", "1.2.8"
        for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
            setattr(source, keyword, "")
        source.StudyDate, source.StudyTime, source.ReferringPhysicianName = "20240101", "101010", ""
    mask = np.zeros((3, 6, 8), np.uint8)
    mask[1, 2, 3], mask[2, 4, 5] = 1, 2
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"part {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number in (1, 2)
    ]
    made = hd.seg.Segmentation(
        sources,
        mask,
        hd.seg.SegmentationTypeValues.BINARY,
        described,
        series_instance_uid="1.2.7",
        series_number=3,
        sop_instance_uid="1.2.7.1",
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
    )
    made.save_as(tmp_path / "seg.dcm")
    found = load_study(tmp_path / "seg.dcm").series
    assert len(found) == 2
    for number, series in enumerate(found, start=1):
        frame = series.frame(0)
        assert frame.meaning == "label"
        assert set(np.unique(frame.pixels)) == {0, number}
        assert not series.remarks
