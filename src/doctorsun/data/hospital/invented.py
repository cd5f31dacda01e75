"""The studies of an invented hospital, and everything that must not be left of them; nobody's data."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

# Days so late that no date which was moved by a patient's 30 to 3,650 days is another patient's true one.
FIRST_DAY, DAYS = date(2099, 12, 1), 28
FAMILIES_ZH = ("赵Zhao", "钱Qian", "孙Sun", "周Zhou", "郑Zheng", "冯Feng", "蒋Jiang", "韩Han")
GIVENS_ZH = (
    *("德馨Dexin", "婉茹Wanru", "振邦Zhenbang", "梓萱Zixuan", "鸿儒Hongru"),
    *("玉芬Yufen", "俊杰Junjie", "雅琴Yaqin", "国栋Guodong", "淑珍Shuzhen"),
)
FAMILIES_EN = (
    *("Alvarez", "Brookman", "Castellan", "Dunmore", "Eastlake"),
    *("Farquhar", "Gillespie", "Hathaway", "Ingleby", "Jorgensen"),
)
GIVENS_EN = ("Marta", "Tobias", "Irene", "Felix", "Norma", "Simon", "Ada", "Colin", "Petra", "Conrad")
DOCTORS = (("卫鸿飞", "Whitcombe Laura"), ("褚文静", "Yardley Peter"))
HOSPITAL = ("虚构市第九人民医院", "Larkspur Valley Hospital")


@dataclass(frozen=True, slots=True)
class Invented:
    """One study of the invented hospital and all that must not be left of it; nobody's data."""

    zh: bool
    name: str
    latin: str
    patient: str
    accession: str
    phone: str
    uid: str
    doctor: str
    day: date
    modality: str
    burned: bool
    with_report: bool
    with_images: bool

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that names the patient, the study or a person, in the spellings that are written."""
        family, _, given = self.latin.partition(" ")
        latin = (self.latin, f"{given} {family}", f"{family}^{given}", f"{family}{given}")
        days = (
            self.day.isoformat(),
            self.day.strftime("%Y%m%d"),
            f"{self.day.year}年{self.day.month}月{self.day.day}日",
        )
        return (
            self.name,
            *latin,
            self.patient,
            self.accession,
            self.phone,
            self.uid,
            self.doctor,
            *days,
            *HOSPITAL,
        )


def invented(studies: int, *, slices_only: bool = False, seed: int = 0) -> list[Invented]:
    """The studies of an invented hospital: four in five patients have one; a few lack pictures or report."""
    rng = random.Random(f"hospital {seed}")
    found = []
    for at in range(studies):
        person = at - 1 if at % 5 == 4 else at
        zh = person % 2 == 0
        name, latin = _name(person // 2, zh=zh)
        number = f"{person:06d}"
        modality = "CT" if slices_only else {3: "CR", 8: "US"}.get(at % 10, "CT")
        whole = studies < 20
        found.append(
            Invented(
                zh=zh,
                name=name,
                latin=latin,
                patient=f"P{700000 + person * 37}",
                accession=f"AX{81000000 + at * 13}",
                phone=f"139{rng.randrange(10**8):08d}",
                uid=f"1.2.826.0.1.{seed}.77{number}.{at + 1}",
                doctor=DOCTORS[at % 2][0 if zh else 1],
                day=FIRST_DAY + timedelta(days=at % DAYS),
                modality=modality,
                burned=modality != "CT",
                with_report=whole or at % 50 != 7,
                with_images=whole or at % 50 != 11,
            )
        )
    return found


def _name(number: int, *, zh: bool) -> tuple[str, str]:
    """A name, and how it is written in Latin letters, the family first."""
    families, givens = (FAMILIES_ZH, GIVENS_ZH) if zh else (FAMILIES_EN, GIVENS_EN)
    parts = families[number % len(families)], givens[number // len(families) % len(givens)]
    latin = " ".join("".join(char for char in part if char.isascii()) for part in parts)
    return "".join(char for part in parts for char in part if not char.isascii()) if zh else latin, latin
