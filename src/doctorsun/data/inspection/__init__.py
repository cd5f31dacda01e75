"""index.html of a data set: what was used and left out, how it leans, what splits share, samples."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doctorsun.core.blocks import Block
from doctorsun.core.files import write_private, write_whole
from doctorsun.core.page import Page, Prose, Section, both
from doctorsun.data.dataset import Dataset, open_dataset
from doctorsun.data.inspection.cards import TokenView, gallery
from doctorsun.data.inspection.figures import answers, balance, splits, tiles
from doctorsun.data.inspection.losses import funnel, left_out, sources
from doctorsun.data.inspection.proofs import proofs, shared

__all__ = ["TokenView", "render", "write_page"]

SEED = 0


def write_page(
    folder: Path, out: Path, *, tokens: TokenView | None = None, review: Sequence[Block] = ()
) -> Path:
    """The place of the page, written from a data set's own files; the same data gives the same bytes.

    `tokens` shows a sample as a model reads it. `review` is what a person should look at before release: it
    shows patients' data, so its owner alone can read the page; StorageError where it lies in the data set.
    """
    dataset = open_dataset(folder)
    dataset.verify()
    found = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    if not review:
        write_whole(out, render(dataset, found, tokens=tokens))
        return out
    from doctorsun.privacy.review import check_place

    check_place(out, outside=folder)
    write_private(out, render(dataset, found, tokens=tokens, review=review))
    return out


def render(
    dataset: Dataset,
    audit: dict[str, Any],
    *,
    tokens: TokenView | None = None,
    review: Sequence[Block] = (),
) -> str:
    """The HTML of the page."""
    info = dataset.info
    shown = gallery(dataset, seed=SEED, tokens=tokens)
    told = both("data.page_sampled", shown=f"{len(shown.cards):,}", seed=SEED)
    blocks: list[Block] = [
        Prose([both("data.page_summary", licence=info["licence"])]),
        tiles(info),
        *review,
        Section(both("data.page_splits"), splits(info)),
        Section(both("data.page_balance"), [balance(info)], lead=both("data.page_balance_lead")),
        Section(both("data.page_answers"), [answers(dataset)], lead=both("data.page_majority")),
        Section(both("data.page_sources"), [sources(info)]),
        Section(both("data.page_funnel"), [funnel(info), left_out(info)], lead=both("data.page_funnel_lead")),
        Section(both("data.page_leaks"), [*shared(audit), *proofs(info, audit)]),
        Section(both("data.page_samples"), [shown], lead=told),
    ]
    return Page(both("data.page_title", name=info["name"]), blocks).render()
