"""Dates move by one number of days in the form they had; or they go."""

from datetime import date, timedelta

import pytest

from doctorsun.privacy.text import Known, TextCleaner
from doctorsun.privacy.text.dates import MONTHS, parse
from tests.privacy.leftovers import KEY

SHIFT = timedelta(days=KEY.shift_days("p"))
DAY = date(2024, 3, 5) + SHIFT
Y, M, D = DAY.year, DAY.month, DAY.day
MONTH = MONTHS[M - 1].capitalize()


def clean(text, *, dates="shift", known=()):
    return TextCleaner(KEY, known=Known(patient="p", dates=known), dates=dates).clean(text).text


@pytest.mark.parametrize(
    ("found", "moved"),
    [
        ("2024-03-05", f"{Y}-{M:02d}-{D:02d}"),
        ("2024年3月5日", f"{Y}年{M}月{D}日"),
        ("２０２４年３月５日", f"{Y}年{M}月{D}日"),
        ("2024年03月05日", f"{Y}年{M:02d}月{D:02d}日"),
        ("2024.3.5", f"{Y}.{M}.{D}"),
        ("2024 - 03 - 05", f"{Y} - {M:02d} - {D:02d}"),
        ("20240305", f"{Y}{M:02d}{D:02d}"),
        ("20240305103000", f"{Y}{M:02d}{D:02d}103000"),
        ("2024-03-05T10:30", f"{Y}-{M:02d}-{D:02d}T10:30"),
        ("March 5, 2024", f"{MONTH} {D}, {Y}"),
        ("05 MAR 2024", f"{D:02d} {MONTH[:3].upper()} {Y}"),
        ("5-Mar-24", f"{D}-{MONTH[:3]}-{Y % 100:02d}"),
        ("二〇二四年三月五日", None),
        ("03/05/2024", f"{M:02d}/{D:02d}/{Y}"),
        ("5.3.2024", f"{D}.{M}.{Y}"),
        ("2024_03_05", f"{Y}_{M:02d}_{D:02d}"),
        ("24-03-05", f"{Y % 100:02d}-{M:02d}-{D:02d}"),
        ("24.03.05", f"{Y % 100:02d}.{M:02d}.{D:02d}"),
        ("二〇二四年三月", None),
        ("二零二四年三月五日", None),
        ("2024.3", None),
    ],
)
def test_a_date_keeps_its_form(found, moved):
    cleaned = clean(f"检查 {found} 完成")
    assert found not in cleaned
    assert moved is None or cleaned == f"检查 {moved} 完成"


@pytest.mark.parametrize("kept", ["10.5-12.3 mm", "1.25 x 2024.3 mm", "T12-L2", "比值 0.98.", "12-15-18"])
def test_measures_are_no_dates(kept):
    assert clean(f"大小 {kept} 左右") == f"大小 {kept} 左右"


def test_a_day_and_a_month_with_a_dash_move():
    assert "5-Mar" not in clean("seen on 5-Mar and later")


def test_a_date_without_a_year_takes_the_year_before_it():
    cleaned = clean("2024年3月5日入院，3月7日出院")
    later = DAY + timedelta(days=2)
    assert cleaned == f"{Y}年{M}月{D}日入院，{later.month}月{later.day}日出院"


def test_a_part_above_twelve_is_the_day_and_the_record_decides_the_rest():
    assert clean("25/03/2024") == clean("03/25/2024").replace(*_swapped(date(2024, 3, 25) + SHIFT))
    assert clean("05/03/2024", known=("2024-03-05",)) == f"{D:02d}/{M:02d}/{Y}"


def _swapped(day):
    return f"{day.month:02d}/{day.day:02d}", f"{day.day:02d}/{day.month:02d}"


def test_intervals_are_kept_to_the_day():
    first, second = date(2019, 12, 30), date(2024, 2, 29)
    cleaned = clean(f"{first} {second}").split()
    moved = [date.fromisoformat(one) for one in cleaned]
    assert moved[1] - moved[0] == second - first
    assert moved[0] != first


def test_the_29th_of_february_goes_in_the_wake_of_a_year_that_has_none():
    assert "2月29日" not in clean("2023年3月5日入院，2月29日起病")


def test_removed_dates_leave_a_token_in_the_language_around():
    assert clean("检查日期：2024-03-05", dates="remove") == "检查日期：[日期]"
    assert clean("Seen on March 5, 2024.", dates="remove") == "Seen on [DATE]."


@pytest.mark.parametrize(
    "text",
    [
        "3.5×2.1cm",
        "L4/5 C3-C7",
        "120/80 mmHg",
        "Gleason 3+4=7",
        "2000 ml",
        "10:30:15",
        "WBC 12.3",
        "1.2.840.10008.5",
        "12-24-36",
    ],
)
def test_what_is_no_date_stays(text):
    assert clean(text) == text


def test_a_day_that_does_not_exist_stays_as_it_is():
    assert clean("2024-02-31") == "2024-02-31"
    assert parse("2024-02-31") is None
