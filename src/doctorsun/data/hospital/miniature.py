"""The folder of an invented hospital: DICOM studies, two tables of reports, and the mapping."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from doctorsun.data.hospital.dicom_file import dicom_bytes
from doctorsun.data.hospital.invented import HOSPITAL, Invented, invented
from doctorsun.data.miniature import put_table, put_text

ZH_HEAD = (
    *("检查号", "病人编号", "姓名", "性别", "年龄", "检查日期", "检查类型"),
    *("检查所见", "诊断意见", "报告医师", "联系电话"),
)
EN_HEAD = ("Accession", "MRN", "Patient", "Study Date", "Modality", "Report", "Radiologist", "Phone")
ZH_SEEN = (
    "两肺纹理清晰，未见实变影",
    "右肺上叶见一结节影，直径约8mm，边界清",
    "左侧胸腔见少量积液",
    "心影稍增大，主动脉迂曲",
)
ZH_SAID = ("两肺未见明显异常", "右肺上叶结节，建议随访", "左侧胸腔少量积液", "心影增大，请结合临床")
EN_SEEN = (
    "The lungs are clear without consolidation",
    "There is an 8 mm nodule in the right upper lobe",
    "There is a small left pleural effusion",
    "The heart is mildly enlarged",
)
EN_SAID = (
    "No acute abnormality",
    "Right upper lobe nodule, follow-up advised",
    "Small left pleural effusion",
    "Mild cardiomegaly",
)
MAPPING = """# An invented hospital: see docs/hospital.md
images: images
reports:
  - file: reports/ris.csv
    columns:
      {accession: 检查号, patient: 病人编号, name: 姓名, sex: 性别, age: 年龄, date: 检查日期,
       modality: 检查类型, findings: 检查所见, impression: 诊断意见, doctor: 报告医师, phone: 联系电话}
  - file: reports/export.%s
    columns:
      {accession: Accession, patient: MRN, name: Patient, date: Study Date, modality: Modality,
       text: Report, doctor: Radiologist}
texts: [report, impression]
"""


def write_hospital(
    folder: Path, *, studies: int, slices_only: bool = False, sheet: bool = False, seed: int = 0
) -> list[Invented]:
    """Write the folder of an invented hospital; `sheet` makes the English table XLSX, else CSV."""
    made = invented(studies, slices_only=slices_only, seed=seed)
    for one in made:
        if one.with_images:
            _write_images(folder / "images" / f"{one.name}_{one.accession}", one)
    told = [one for one in made if one.with_report]
    zh = [_zh_row(at, one) for at, one in enumerate(told) if one.zh]
    en = [_en_row(at, one) for at, one in enumerate(told) if not one.zh]
    put_table(folder / "reports" / "ris.csv", ZH_HEAD, zh, encoding="gb18030")
    if sheet:
        _write_sheet(folder / "reports" / "export.xlsx", en)
    else:
        put_table(folder / "reports" / "export.csv", EN_HEAD, en, encoding="utf-8-sig")
    put_text(folder / "hospital.yaml", MAPPING % ("xlsx" if sheet else "csv"))
    return made


def _write_sheet(path: Path, rows: Sequence[Sequence[object]]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (EN_HEAD, *rows):
        sheet.append([*row])
    book.save(path)


def _zh_row(at: int, one: Invented) -> tuple[object, ...]:
    day, before = (
        f"{each.year}年{each.month}月{each.day}日" for each in (one.day, one.day - timedelta(days=9))
    )
    seen = f"患者{one.name}于{day}检查，与{before}旧片比较：{ZH_SEEN[at % 4]}。病人编号{one.patient}。"
    said = f"1. {ZH_SAID[at % 4]}。2. 请{one.doctor}医师复核，电话{one.phone}。（{HOSPITAL[0]}）"
    return (
        one.accession,
        one.patient,
        one.name,
        "女",
        "52岁",
        one.day.isoformat(),
        one.modality,
        seen,
        said,
        one.doctor,
        one.phone,
    )


def _en_row(at: int, one: Invented) -> tuple[object, ...]:
    family, _, given = one.latin.partition(" ")
    text = (
        f"INDICATION: Cough. MRN: {one.patient}\n"
        f"COMPARISON: {(one.day - timedelta(days=9)).isoformat()}\n\n"
        f"FINDINGS: {given} {family} was examined on {one.day.isoformat()}. {EN_SEEN[at % 4]}.\n\n"
        f"IMPRESSION:\n1. {EN_SAID[at % 4]}.\n"
        f"2. Discussed with Dr. {one.doctor.split()[0]}, phone {one.phone}.\n"
        f"Signed by: {one.doctor}, {HOSPITAL[1]}\n"
    )
    return (
        one.accession,
        one.patient,
        f"{family}, {given}",
        one.day.isoformat(),
        one.modality,
        text,
        one.doctor,
        one.phone,
    )


def _write_images(folder: Path, one: Invented) -> None:
    for number in range(1, 3 if one.modality == "CT" else 2):
        path = folder / f"IM{number:04d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dicom_bytes(one, number))
