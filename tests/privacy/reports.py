"""Made reports in Chinese and English with every identifier written down: what stands in the text, and how
much the record knew of it. Nobody in them exists.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.privacy import report_templates as templates
from tests.privacy import report_values as values


@dataclass(frozen=True)
class Value:
    """One identifier as it stands in the text. `group`: known (to the record), pattern, label, unlabelled."""

    kind: str
    group: str
    surface: str


@dataclass
class Report:
    """A text, the fields of its record, and every identifier in the text."""

    text: str
    lang: str
    record: dict[str, str]
    held: bool
    values: list[Value] = field(default_factory=list)


def make(number: int, lang: str, *, seed: int = 0) -> list[Report]:
    """Reports in one language, the same for the same seed; every third from the held templates."""
    return [
        _Writer(random.Random(f"{seed}/{lang}/{at}"), lang, held=at % 3 == 2).report() for at in range(number)
    ]


class _Writer:
    """Writes one report about one made record."""

    def __init__(self, draw: random.Random, lang: str, *, held: bool) -> None:
        self.draw, self.lang, self.held = draw, lang, held
        self.values: list[Value] = []
        self.birth = date(1930, 1, 1) + timedelta(days=draw.randrange(30_000))
        self.exam = date(2018, 1, 1) + timedelta(days=draw.randrange(2_500))
        name = values.zh_name if lang == "zh" else values.en_name
        self.record = {
            "name": name(draw),
            "reporter": name(draw),
            "reviewer": name(draw),
            "mrn": self.digits(8, draw.choice(("", "", "M", "ZY"))),
            "accession": self.digits(10, draw.choice(("", "CT", "A"))),
            "id18": values.id18(draw, self.birth),
            "mobile": self.phone(),
            "address": self.address(),
            "hospital": draw.choice(values.HOSPITALS_ZH if lang == "zh" else values.HOSPITALS_EN),
            "birth": self.birth.isoformat(),
            "exam_date": self.exam.isoformat(),
        }

    def report(self) -> Report:
        draw, lang = self.draw, self.lang
        sentences = templates.SENTENCES_HELD if self.held else templates.SENTENCES
        head = draw.choice((templates.HEADS_HELD if self.held else templates.HEADS)[lang])
        foot = draw.choice((templates.FEET_HELD if self.held else templates.FEET)[lang])
        parts = [
            draw.choice(templates.BODIES[lang]),
            *draw.sample(sentences[lang], 4),
            draw.choice(templates.BODIES[lang]),
        ]
        draw.shuffle(parts)
        body = ("" if lang == "zh" else " ").join(parts)
        title = {"zh": "\n影像所见：", "en": "\nFINDINGS: "}[lang]
        whole = re.sub(r"<(\w+)>", lambda found: self.fill(found[1]), f"{head}{title}{body}\n{foot}")
        return Report(self.noisy(whole), lang, self.record, self.held, self.values)

    def noisy(self, text: str) -> str:
        """The text with the slips of other systems: colons gone, other line ends, colons with spaces."""
        draw = self.draw
        roll = draw.random()
        if roll < 0.12:
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        elif roll < 0.22:
            text = text.replace("：", " : ")
        elif roll < 0.30:
            text = text.replace("：", ":").replace("，", ",").replace("。", ". ")
        elif roll < 0.34:
            text = text.replace(": ", ":\n").replace("：", "：\n")
        return text

    def fill(self, slot: str) -> str:
        """One value, written down with what the record knew of it."""
        if slot in ("sex", "time"):
            return self.plain(slot)
        kind, group, surface = self.slot(slot)
        if slot in ("mrn", "accession", "mobile", "id18", "outpatient", "film", "case"):
            surface = self.disguise(surface)
        if group:
            self.values.append(Value(kind, group, surface))
        return surface

    def disguise(self, surface: str) -> str:
        """A number as copied text shows it: in wide digits, with a hidden character, with spaces."""
        roll = self.draw.random()
        if roll < 0.06:
            return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in surface)
        if roll < 0.09:
            return surface[:3] + "\u200b" + surface[3:]
        if roll < 0.13 and surface.isdigit() and len(surface) >= 8:
            return (
                f"{surface[:4]} {surface[4:]}"
                if len(surface) == 8
                else f"{surface[:3]} {surface[3:7]} {surface[7:]}"
            )
        return surface

    def plain(self, slot: str) -> str:
        if slot == "time":
            return f"{self.draw.randrange(24):02d}:{self.draw.randrange(60):02d}"
        return self.draw.choice({"zh": ("男", "女"), "en": ("male", "female")}[self.lang])

    def slot(self, slot: str) -> tuple[str, str, str]:
        """Kind, group and surface of a slot."""
        if slot.startswith(("name", "titled", "pinyin", "initials", "report", "review")):
            return self.known_name(slot)
        if slot in ("mrn", "accession", "id18", "mobile", "address", "hospital"):
            return slot, "known", self.record[slot]
        if slot in ("birth", "exam_date"):
            return (
                slot,
                "known",
                values.write_date(date.fromisoformat(self.record[slot]), self.draw, self.lang),
            )
        makers: dict[str, tuple[str, Callable[[], str]]] = {
            "age": ("pattern", self.age),
            "past_date": ("pattern", self.past),
            "month_day": ("pattern", self.month_day),
            "outpatient": ("pattern", lambda: self.digits(9, "")),
            "film": ("pattern", lambda: self.digits(6, self.draw.choice(("US", "DR", "")))),
            "case": ("pattern", lambda: self.digits(7, "")),
            "bed": ("pattern", self.bed),
            "insurance": ("pattern", lambda: self.digits(9, self.draw.choice(("H", "XEA", "")))),
            "id15": ("pattern", self.id15),
            "landline": ("pattern", self.landline),
            "fax": ("pattern", self.landline),
            "mobile_other": ("pattern", self.phone),
            "email": (
                "pattern",
                lambda: f"{self.word()}.{self.word()}{self.draw.randrange(99)}@{self.word()}.com",
            ),
            "url": ("pattern", lambda: f"https://pacs.{self.word()}.cn/view?id={self.digits(6, '')}"),
            "ip": ("pattern", lambda: ".".join(str(self.draw.randrange(1, 255)) for _ in range(4))),
            "wechat": (
                "pattern",
                lambda: self.draw.choice(
                    (f"wxid_{self.word()}{self.digits(4, '')}", f"{self.word()}_{self.digits(3, '')}")
                ),
            ),
            "qq": ("pattern", lambda: self.digits(9, "")),
            "plate": ("pattern", self.plate),
            "passport": ("pattern", lambda: self.digits(8, "E")),
            "ssn": ("pattern", lambda: f"{self.digits(3, '')}-{self.digits(2, '')}-{self.digits(4, '')}"),
            "zip": ("pattern", lambda: self.digits(6, "")),
            "plate_en": ("label", lambda: f"{self.word()[:3].upper()} {self.digits(4, '')}"),
            "address_other": ("label", self.address),
            "department": ("label", self.department),
            "hospital_other": ("label", self.hospital),
            "contact": ("label", self.name),
            "contact_kin": ("label", lambda: f"{self.draw.choice(('儿子', '妻子', '女儿'))}{self.name()}"),
            "doctor": ("label", self.name),
            "doctor_title": ("label", lambda: f"Dr. {self.name()}"),
            "unlabelled": ("unlabelled", self.name),
        }
        group, maker = makers[slot]
        surface = maker()
        if slot == "age" and not re.match(r"9\d", surface):
            group = ""
        bare = re.sub(r"^(儿子|妻子|女儿|Dr\. )", "", surface)
        if bare != surface:
            self.values.append(Value(slot, group, bare))
            return slot, "", surface
        return slot, group, surface

    def known_name(self, slot: str) -> tuple[str, str, str]:
        """The name of the patient or of a doctor of the record in one of its spellings."""
        who = next((one for one in ("reporter", "reviewer") if slot.startswith(one)), "name")
        name = self.record[who]
        surface = self.zh_spelling(slot, name) if self.lang == "zh" else self.en_spelling(slot, name)
        return slot.split("_")[0], "known", surface

    def zh_spelling(self, slot: str, name: str) -> str:
        size = 2 if name[:2] in values.COMPOUND else 1
        if slot.endswith("_spaced"):
            return " ".join(name)
        if slot == "pinyin":
            return values.pinyin_of(name, self.draw)
        if slot == "titled":
            return name[:size] + self.draw.choice(("先生", "女士", "某", "某某"))
        return name

    def en_spelling(self, slot: str, name: str) -> str:
        first, _, rest = name.partition(" ")
        middle, last = (rest[:2], rest[3:]) if rest[1:2] == "." else ("", rest)
        if slot.endswith("_comma"):
            return f"{last}, {first} {middle}".strip()
        if slot.endswith("_upper"):
            return name.upper()
        if slot.endswith("_caret"):
            return f"{last}^{first}^{middle[:1]}".upper().strip("^")
        if slot == "titled":
            return f"{self.draw.choice(('Mr.', 'Ms.', 'Mrs.'))} {last}"
        if slot == "initials":
            return first[0] + (middle[:1] or "") + last[0].upper()
        return name

    def name(self) -> str:
        return values.zh_name(self.draw) if self.lang == "zh" else values.en_name(self.draw)

    def digits(self, number: int, prefix: str) -> str:
        return (
            prefix
            + str(self.draw.randrange(1, 10))
            + "".join(str(self.draw.randrange(10)) for _ in range(number - 1))
        )

    def word(self) -> str:
        return "".join(self.draw.choice("bdfgklmnprst") + self.draw.choice("aeiou") for _ in range(3))

    def phone(self) -> str:
        if self.lang == "zh":
            raw = self.digits(8, self.draw.choice(("138", "159", "186", "177")))
            return self.draw.choice(
                (raw, raw, f"{raw[:3]}-{raw[3:7]}-{raw[7:]}", f"+86 {raw}", f"{raw[:3]} {raw[3:7]} {raw[7:]}")
            )
        area, rest = self.digits(3, ""), f"{self.digits(3, '')}-{self.digits(4, '')}"
        return self.draw.choice(
            (
                f"({area}) {rest}",
                f"{area}-{rest}",
                f"{area}.{rest.replace('-', '.')}",
                f"+1 {area} {rest.replace('-', ' ')}",
            )
        )

    def landline(self) -> str:
        if self.lang == "zh":
            area = self.draw.choice(("021", "010", "0571", "0755"))
            return self.draw.choice(
                (
                    f"{area}-{self.digits(8, '')}",
                    f"({area}){self.digits(8, '')}",
                    f"{area}-{self.digits(7, '')}-{self.digits(3, '')}",
                )
            )
        return self.phone()

    def address(self) -> str:
        draw = self.draw
        number = draw.randrange(1, 999)
        if self.lang == "en":
            flat = draw.choice(("", ", Apt 4B"))
            return f"{number} {draw.choice(values.STREETS)}{flat}, {draw.choice(values.TOWNS)}"
        lane, room, block = draw.randrange(1, 40), draw.randrange(101, 2402), draw.randrange(1, 30)
        tail = draw.choice(("号", f"弄{lane}号{room}室", f"号{block}栋2单元{room}"))
        return f"{draw.choice(values.CITIES)}{draw.choice(values.ROADS)}{number}{tail}"

    def hospital(self) -> str:
        return self.draw.choice(values.HOSPITALS_ZH if self.lang == "zh" else values.HOSPITALS_EN)

    def department(self) -> str:
        return self.draw.choice(values.DEPARTMENTS)

    def bed(self) -> str:
        number = self.draw.randrange(1, 60)
        return (
            self.draw.choice((f"{number}床", f"{number:02d}", f"+{number}"))
            if self.lang == "zh"
            else f"{number}{self.draw.choice('AB')}"
        )

    def id15(self) -> str:
        full = values.id18(self.draw, self.birth)
        return full[:6] + full[8:17]

    def plate(self) -> str:
        letters = "ABCDEFGHJK"
        return (
            f"{self.draw.choice(values.PLATES)}{self.draw.choice(letters)}{self.draw.choice(('', '·'))}"
            f"{self.digits(4, self.draw.choice(letters))}"
        )

    def age(self) -> str:
        years = self.draw.randrange(90, 100) if self.draw.random() < 0.3 else self.draw.randrange(1, 90)
        return (
            f"{years}岁"
            if self.lang == "zh"
            else self.draw.choice((f"{years}-year-old", f"{years} years old", f"{years} y/o"))
        )

    def past(self) -> str:
        return values.write_date(
            self.exam - timedelta(days=self.draw.randrange(5, 900)), self.draw, self.lang
        )

    def month_day(self) -> str:
        day = self.exam - timedelta(days=self.draw.randrange(1, 40))
        return (
            f"{day.month}月{day.day}日" if self.lang == "zh" else f"{values.MONTHS[day.month - 1]} {day.day}"
        )
