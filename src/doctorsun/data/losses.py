"""What a build left out: the table of it, the lines about it, and when it is too much."""

from collections.abc import Sequence

from doctorsun.core.errors import DataError
from doctorsun.core.progress import reporter
from doctorsun.core.strings import language, say
from doctorsun.data.config import DataConfig
from doctorsun.data.stage import Staged
from doctorsun.data.wording import reason_in

# What was never there, waits for a person, or is more than the recipe wants, is no bad record.
NOT_A_FAULT = frozenset(
    {
        "data.licence",
        "data.image_absent",
        "data.no_answer",
        "data.too_long",
        "data.near_text",
        "data.in_benchmark",
        "data.hospital_waits",
        "data.hospital_refused",
        "data.report_images_wait",
        "data.report_waits",
        "data.report_unmatched",
        "data.image_unmatched",
    }
)


def counts_table(staged: Sequence[Staged]) -> str:
    """What was kept and dropped, a line for each source and reason, in the user's language."""
    lines = []
    for source in staged:
        state = "" if source.present else f" ({say('data.absent')})"
        lines.append(f"{source.name}{state}: {say('data.kept', number=source.counts.kept)}")
        for reason, number in sorted(source.counts.dropped.items()):
            examples = ", ".join(source.counts.examples.get(reason, ()))
            lines.append(f"  {number:>6}  {reason_text(reason)} ({examples})")
    return "\n".join(lines)


def reason_text(reason: str) -> str:
    """A reason in the user's language, without the place that an error message would name."""
    return reason_in(language(), reason)


def enough(staged: Sequence[Staged], config: DataConfig) -> None:
    """Raise DataError with the table when nothing is left or a source lost more than the limit."""
    if not any(source.counts.kept for source in staged):
        raise DataError("data.nothing_left", where=config.root or config.name, table=counts_table(staged))
    for source in staged:
        lost = sum(number for reason, number in source.counts.dropped.items() if reason not in NOT_A_FAULT)
        whole = lost + max(source.counts.kept, source.counts.words)
        if source.counts.kept and lost > config.drop_limit * whole:
            raise DataError(
                "data.too_much_lost",
                where=source.name,
                found=lost,
                whole=whole,
                limit=config.drop_limit,
                table=counts_table(staged),
            )


def tell(staged: Sequence[Staged]) -> None:
    """Say what was left out of each source, and what else is worth knowing of it, a line for each reason."""
    for source in staged:
        counts = source.counts
        if source.present and not counts.kept and not counts.dropped:
            reporter().note("data.source_empty", source=source.name)
        for reason, number in sorted(counts.dropped.items()):
            if counts.examples.get(reason) == [source.name]:
                continue
            _tell_one("data.left_out", source.name, number, reason_text(reason), counts.examples.get(reason))
        for what, number in sorted(counts.noted.items()):
            _tell_one("data.noted", source.name, number, say(what), counts.examples.get(what))


def _tell_one(event: str, source: str, number: int, what: str, examples: Sequence[str] | None) -> None:
    shown = f" ({', '.join(examples)})" if examples else ""
    reporter().note(event, source=source, number=number, what=what, examples=shown)
