"""A hundred made reports in each language: nothing known and nothing patterned is left in any encoding."""

from collections import Counter

import pytest

from doctorsun.privacy.text import TextCleaner
from tests.privacy.leftovers import KEY, clean, known_of, left
from tests.privacy.reports import make

REPORTS = {lang: make(100, lang, seed=1) for lang in ("zh", "en")}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_known_and_no_patterned_value_is_left(lang):
    seeded, lost = Counter(), []
    for report in REPORTS[lang]:
        seeded.update(value.group for value in report.values)
        lost += [value for value in left(report, clean(report)) if value.group in ("known", "pattern")]
    assert seeded["known"] > 300
    assert seeded["pattern"] > 200
    assert not lost


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_of_a_hundred_labelled_values_at_most_three_are_left(lang):
    labelled = sum(value.group == "label" for report in REPORTS[lang] for value in report.values)
    missed = [value for report in REPORTS[lang] for value in left(report, clean(report))]
    assert labelled > 50
    assert sum(value.group == "label" for value in missed) <= 0.03 * labelled


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_second_cleaning_changes_nothing_more(lang):
    for report in REPORTS[lang]:
        cleaner = TextCleaner(KEY, known=known_of(report), dates="remove")
        once = cleaner.clean(report.text).text
        assert cleaner.clean(once).text == once


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_second_cleaning_moves_dates_and_nothing_else(lang):
    for report in REPORTS[lang]:
        cleaner = TextCleaner(KEY, known=known_of(report))
        again = cleaner.clean(cleaner.clean(report.text).text)
        assert {span.kind for span in again.spans} <= {"date"}


def test_the_same_report_is_cleaned_the_same_way():
    report = REPORTS["zh"][0]
    assert clean(report) == clean(report)
