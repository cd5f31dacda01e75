"""What is medicine stays: on made reports, and on real ones where ../shared/data is there."""

import pytest

from doctorsun.privacy.text import TextCleaner
from tests.privacy.clinical import lost, real_reports, terms
from tests.privacy.leftovers import KEY, clean
from tests.privacy.reports import make

NAMES = ["iu-xray-reports", "openi-zh", "huatuo-zh", "dialogue-zh"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_of_the_clinical_terms_of_made_reports_at_most_one_in_a_hundred_is_lost(lang):
    reports = make(60, lang, seed=2)
    gone = sum(
        lost(report.text, clean(report).text, (value.surface for value in report.values))
        for report in reports
    )
    assert sum(terms(report.text).total() for report in reports) > 500
    assert gone <= 0.01 * sum(terms(report.text).total() for report in reports)


@pytest.mark.parametrize("name", NAMES)
def test_of_the_clinical_terms_of_real_texts_at_most_one_in_a_hundred_is_lost(name):
    found = real_reports()
    if name not in found:
        pytest.skip(f"../shared/data has no {name}")
    texts = found[name]()[:400]
    cleaner = TextCleaner(KEY)
    gone = sum(lost(text, cleaner.clean(text).text) for text in texts)
    assert gone <= 0.01 * sum(terms(text).total() for text in texts)
