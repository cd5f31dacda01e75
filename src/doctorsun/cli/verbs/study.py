"""`sun study show|deidentify`: what a file, a folder or a zip holds; a copy that names no patient."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctorsun.cli.commands import Verb, VerbGroup
from doctorsun.cli.screen import line, on_terminal, table
from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.strings import reason, say
from doctorsun.imaging.study import Remark, Series, Study

if TYPE_CHECKING:
    from doctorsun.imaging.looks import LookConfig

app = typer.Typer(cls=VerbGroup, help="cli.verb_study", add_completion=False, rich_markup_mode=None)
NOTHING = 2
NAMED = 3


@app.callback(invoke_without_command=True)
def study(ctx: typer.Context) -> None:
    """Show the help when no verb is named."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command(cls=Verb, help="cli.verb_study_show")
def show(
    path: Annotated[Path, typer.Argument(help="cli.word_study")],
    sheet: Annotated[Path | None, typer.Option("--sheet", metavar="FILE", help="cli.option_sheet")] = None,
    window: Annotated[str, typer.Option("--window", metavar="NAME", help="cli.option_window")] = "auto",
) -> None:
    """Show every series, what is odd about it, and what was refused."""
    from doctorsun.core.config import from_overrides
    from doctorsun.imaging.guarded import guarded_study
    from doctorsun.imaging.looks import LookConfig

    if sheet is not None:
        check_sheet(sheet, path)
    look = from_overrides(LookConfig, [f"window={window}"], where="--window")
    with guarded_study(path) as found:
        table("cli.table_series", list(series_rows(found)))
        table("cli.table_remarks", list(remark_rows(found)))
        if sheet is not None and found.series:
            write_sheet(found, sheet, look)
        if not found.series and not found.refused:
            raise DataError("cli.study_empty", where=path)
        series, refused = len(found.series), len(found.refused)
        line("cli.study_end", where=path, series=series, frames=sum(map(len, found.series)), refused=refused)
    if not series:
        raise typer.Exit(NOTHING)


@app.command(cls=Verb, help="cli.verb_study_deidentify")
def deidentify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="cli.word_in")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="cli.word_out")],
    words: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="cli.word_policy")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="cli.option_key")] = None,
    approve: Annotated[
        list[str] | None, typer.Option("--approve", metavar="ID", help="cli.option_approve")
    ] = None,
    review: Annotated[Path | None, typer.Option("--review", metavar="FILE", help="cli.option_review")] = None,
) -> None:
    """De-identify a folder; what is doubtful is held back and listed, what was left is scanned for."""
    from doctorsun.core.config import from_overrides
    from doctorsun.privacy.dicom.policy import DicomPolicy
    from doctorsun.privacy.folder import check_places, deidentify_folder
    from doctorsun.privacy.key import key_at
    from doctorsun.privacy.queue import write_queue
    from doctorsun.privacy.reports import columns_of
    from doctorsun.privacy.review import check_place

    policy = from_overrides(DicomPolicy, words or [], where="sun study deidentify")
    place = key or out.resolve().with_name(f"{out.resolve().name}.key")
    listed = place.with_name(f"{place.name}.sources.json")
    secrets = [place, listed, *([review] if review is not None else [])]
    check_places(source, out, *secrets)
    if review is not None:
        check_place(review, outside=out)
    secret = key_at(place, outside=out)
    done = deidentify_folder(
        source, out, key=secret, sources_list=listed, policy=policy, ticked=approve or ()
    )
    reasons = Counter(done.held.values()) + done.refused
    table("cli.table_held", [{"files": n, "reason": reason(why)} for why, n in reasons.most_common()])
    line("cli.deidentify_end", where=out, released=done.released, kept=done.kept, held=len(done.held))
    if review is not None:
        write_queue(review, source, outside=out, sources_list=listed, key=secret, columns=columns_of(policy))
        line("cli.review_end", where=review)
    line("cli.deidentify_key", key=place, listed=listed)
    if done.unknown:
        raise DataError("cli.approve_unknown", found=", ".join(sorted(done.unknown)), where=out)
    if not done.released + done.kept:
        raise typer.Exit(NOTHING)


def series_rows(study: Study) -> Iterator[dict[str, object]]:
    """A row a series: what it shows, how many frames of what size and spacing."""
    for number, one in enumerate(study.series, start=1):
        facts, geometry = one.facts, one.geometry
        yield {
            "number": number,
            "format": one.format,
            "modality": facts.modality,
            "body_part": facts.body_part,
            "side": facts.laterality,
            "view": facts.view or geometry.plane,
            "frames": len(one),
            "size_px": f"{one.shape[1]} x {one.shape[0]}",
            "spacing_mm": spacing(one),
            "remarks": len(one.remarks),
        }


def spacing(series: Series) -> str | None:
    """The distances between rows, columns and slices in mm, as far as they are known."""
    geometry = series.geometry
    if geometry.spacing_mm is None:
        return None
    numbers = [*geometry.spacing_mm, *([geometry.slice_spacing_mm] if geometry.slice_spacing_mm else [])]
    return " x ".join(f"{number:.3g}" for number in numbers)


def remark_rows(study: Study) -> Iterator[dict[str, object]]:
    """A row a remark: on a series, or on a file that was refused; for a person, equal ones in one row."""
    said = [(number, remark) for number, one in enumerate(study.series, start=1) for remark in one.remarks]
    found = [*said, *((None, remark) for remark in study.refused)]
    if not on_terminal():
        for number, remark in found:
            told = {"series": number, "refused": number is None, "key": remark.key, "where": remark.where}
            yield {**told, "what": sentence(remark)}
        return
    alike: dict[tuple[str, str], list[tuple[int | None, Remark]]] = {}
    for number, remark in found:
        alike.setdefault((remark.key, repr(sorted(remark.values.items()))), []).append((number, remark))
    for pairs in alike.values():
        first, places = pairs[0][1], list(dict.fromkeys(remark.where for _, remark in pairs))
        named = ", ".join(places[:NAMED]) + (" …" if len(places) > NAMED else "")
        numbers = [str(number) for number, _ in pairs if number]
        shown = ", ".join(numbers[:NAMED]) + (" …" if len(numbers) > NAMED else "")
        words = say(first.key, **{**first.values, "where": named})
        yield {"series": shown or None, "files": len(places), "what": words}


def sentence(remark: Remark) -> str:
    """A remark in the user's language."""
    return say(remark.key, where=remark.where, **remark.values)


def write_sheet(study: Study, path: Path, look: "LookConfig") -> None:
    """Write the contact sheet, readable by the user alone: it shows pixels that nobody has cleaned."""
    from doctorsun.core.files import write_private
    from doctorsun.imaging.pictures import encode
    from doctorsun.imaging.sheet import contact_sheet

    failed: list[RecordError] = []
    pixels = contact_sheet(study, how=look, failed=failed)
    write_private(path, encode(pixels))
    table("cli.table_unseen", [{"what": str(error)} for error in failed])
    line("cli.sheet_end", where=path)


def check_sheet(path: Path, study: Path) -> None:
    """Raise DataError where the sheet is no PNG by its name, or would lie among the originals."""
    if path.suffix.lower() != ".png":
        raise DataError("cli.sheet_name", where=path)
    if path.resolve().is_relative_to(study.resolve()):
        raise DataError("cli.sheet_in_study", where=path, study=study)
