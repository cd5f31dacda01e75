"""A CSV or XLSX with a row a study (volume, DICOM folder, zip, picture), its words, and the study before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.config import validate
from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Picture, Record, Shown, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import LANGS, ORIGINS, lang_of
from doctorsun.data.formats.files import HELD_OUT, files_in, one_of, read_each, split_told
from doctorsun.data.formats.sheet import SHEET_ENDINGS
from doctorsun.data.hospital.seeing import facts_of, seen, value_of
from doctorsun.data.hospital.taking import COSTS
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.priors import with_prior, with_priors
from doctorsun.data.reading import read_table
from doctorsun.data.visual import kind_of
from doctorsun.imaging.isolation import Guard
from doctorsun.imaging.looks import LookConfig

Row = Mapping[str, str]
READER = True
PLACE = "\0place"
TABLE_ENDINGS = (".csv", ".tsv", ".tab", *SHEET_ENDINGS)
CARD = Card(
    name="table_studies",
    title="CSV / XLSX + studies and volumes",
    licence="unknown",
    url="https://nifti.nimh.nih.gov/",
    languages=("zh", "en"),
    citation="RFC 4180, common format and MIME type for comma-separated values (CSV) files, 2005.",
    obtain=(
        "Your own files: name this reader, their folder (path), their licence and in options the columns: "
        "study_column, text_column, question_column, patient_column, date_column or prior_column."
    ),
    obtain_zh=(
        "读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence），并在 options 中"
        "写明各列：study_column、text_column、question_column、patient_column、date_column、prior_column。"
    ),
    patient_groups=False,
    notes=(
        "A study is a NIfTI file, a DICOM file or folder, a zip or a picture; at most `slices` pictures of "
        "it are taken by `policy` (even, middle, first, ends, all) in `window`. With `prior_column`, or "
        "`patient_column` and `date_column`, the study before is shown beside as well. Nothing is "
        "de-identified here: a hospital's own files go through the reader `hospital`."
    ),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which columns say what; `slices`, `policy` and `window` say what is shown of a study."""

    file: str = ""
    study_column: str = "study"
    text_column: str = "text"
    question_column: str = ""
    patient_column: str = ""
    date_column: str = ""
    prior_column: str = ""
    split_column: str = ""
    slices: int = 85
    policy: str = "even"
    window: str = "auto"
    max_px: int = 896
    lang: str = "auto"
    origin: str = "human"


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write an invented table and its studies, of one picture each."""
    rows = []
    for at in range(5):
        put_picture(folder / "studies" / f"{at}.png")
        words = f"虚构检查{at}未见异常。" if at % 2 else f"Invented study {at} shows a blot."
        rows.append((f"studies/{at}.png", words))
    put_table(folder / "reports.csv", ("study", "text"), rows)


def records(place: Path, counts: Counts, **options: str | int) -> Iterator[Record]:
    """One record a study with all its words, and one with the study before where that is told."""
    told = Options(**options)  # type: ignore[arg-type]
    one_of("lang", told.lang, LANGS)
    with Guard(COSTS) as guard:
        reader = _Reader(place, told, guard, counts)
        yield from read_each(files_in(place, told.file, TABLE_ENDINGS), reader.records, counts)


class _Reader:
    """Turns the rows of tables into records."""

    def __init__(self, place: Path, told: Options, guard: Guard, counts: Counts) -> None:
        self._place, self._told, self._guard, self._counts = place, told, guard, counts
        tree = {name: getattr(told, name) for name in ("policy", "window", "max_px")}
        look = validate(LookConfig, tree | {"max_pictures": told.slices}, where="options")
        self._look = look.model_dump(mode="json")

    def records(self, path: Path) -> Iterator[Record]:
        """The records of one table, those of a patient one after the other."""
        told = self._told
        names = (told.study_column, told.text_column, told.question_column, told.patient_column)
        more = (told.date_column, told.prior_column, told.split_column)
        studies: dict[str, list[Row]] = {}
        table = read_table(path, [name for name in (*names, *more) if name], counts=self._counts)
        for at, row in enumerate(table):
            where = f"{path.name}/{at}"
            if row[told.study_column] and row[told.text_column]:
                studies.setdefault(row[told.study_column], []).append({**row, PLACE: where})
            else:
                self._counts.drop("data.bad_row", where)
        dated = self._dated(studies, path)
        if told.patient_column and told.date_column:
            yield from with_priors(dated)
        else:
            yield from (record for _, record in dated)

    def _dated(self, studies: Mapping[str, Sequence[Row]], path: Path) -> Iterator[tuple[str, Record]]:
        """Each study's record with its date, and after it the one with the prior study that its row names."""
        told = self._told
        for name, rows in sorted(studies.items(), key=lambda each: each[1][0].get(told.patient_column, "")):
            record = self._record(name, rows, split=split_told(path, self._place))
            if record is None:
                continue
            yield rows[0].get(told.date_column, ""), record
            before = rows[0].get(told.prior_column, "") if told.prior_column else ""
            prior = self._record(before, rows, split=None) if before else None
            if prior is not None:
                yield "", with_prior(record, prior)

    def _record(self, name: str, rows: Sequence[Row], *, split: Split | None) -> Record | None:
        told, where = self._told, rows[0][PLACE]
        study = self._place / name
        if not study.exists() or not study.resolve().is_relative_to(self._place.resolve()):
            self._counts.drop("data.image_absent", where)
            return None
        try:
            found = self._guard.run(seen, [str(study)], self._look, where=where)
        except RecordError as error:
            self._counts.drop(error.key, where)
            return None
        pictures = (Picture(bytes(raw), f"{study.stem}-{at}.png") for at, raw in enumerate(found["pictures"]))
        facts = facts_of(found["codes"])
        held_out = {HELD_OUT.get(row.get(told.split_column, "").lower()) for row in rows}
        return Record(
            id=name,
            images=tuple(pictures),
            facts=facts,
            texts=tuple(self._text(row) for row in rows),
            modality=value_of(facts, "modality"),
            anatomy=value_of(facts, "region"),
            group=rows[0].get(told.patient_column) or name,
            split=next((each for each in ("test", "validation") if each in held_out), split),
            shown=tuple(Shown(**one) for one in found["shown"]),
        )

    def _text(self, row: Row) -> Text:
        told = self._told
        answer, question = row[told.text_column], row.get(told.question_column) or None
        lang = lang_of(f"{question or ''}{answer}") if told.lang == "auto" else told.lang
        return Text(
            answer=answer,
            lang="zh" if lang == "zh" else "en",
            task="vqa" if question else "report",
            question=question,
            kind=kind_of(answer) if question else "report",
            origin=one_of("origin", told.origin, ORIGINS),
            key=row[PLACE],
        )
