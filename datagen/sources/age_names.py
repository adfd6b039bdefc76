"""What the name of a column says of the people in it: an age, a birth, or whether they are minors.

A name that is not known here is not seen: the lists hold what tables of faces use in the languages
that most of them are written in.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from datagen.core.spelling import latin

__all__ = ["LONGEST", "kinds_of", "names_an_age", "names_other_unit", "speaks_of_no_years"]

LONGEST = 200
"""Characters of a name: normalizing takes the square of a longer one."""

# Whole parts of a name, by what they say. All words are compared without accents.
_WORDS = {
    "age": "age ages aged ageu alter altern edad eta idade leeftijd alder wiek vek ika yas yasi "
    "umur usia eletkor varsta vanus vecums amzius starost възраст лет вік عمر العمر السن גיל "
    "उम्र आयु อายุ வயது বয়স আয়ু tuoi yo howold daysold weeksold monthsold alterinjahren "
    "lebensalter kindesalter etario etaria ridageyr ridagemn humanage ηλικία",
    "years": "years year annee yr yrs jahr jahre lebensjahr lebensjahre ans annees anos anni "
    "jaar yearsold",
    "months": "months monate mois meses",
    "born": "dob yob bday bdate bdat born geb gebdat nac fechanac ddn nasc datanasc fodt fodd "
    "rocznik jahrgang gebjahr bornyear dobyear gebdatum gebtag yearborn fecnac anniversaire "
    "cumpleanos ne nee nacido nacida sinh narodenia nasterii rodne natoil natail rojen",
    "minor": "child children kid kids adult adults isadult ischild juvenile teen teens teenager "
    "infants babies baby preteen menor menores enfant enfants nino ninos bambino bambini "
    "crianca dziecko youth youths neonate childflag childhood kleinkind saugling jugendlich "
    "jugendlicher jugendliche erwachsen erwachsener erwachsene adulte adultes adulto adulta "
    "esadulto esmayor bebe nourrisson ado nina ninas legalage isbaby criancas barn umyndig "
    "voksen vuxen volwassen kinderen kinder jugend copil copii lapsi gyermek deti anak dewasa "
    "resit cocuk dite veku treem взрослый дети дете дитина under18",
    "unit": "unit units einheit einheiten unite unidad unita enhet eenheid 单位 單位",
    "school": "grade grades school schoolgrade schoolyear schoolclass schuljahr schulklasse "
    "klasse schule kindergarten k12 klassenstufe jahrgangsstufe schulstufe grado curso "
    "yeargroup",
}
# Beginnings, middles and ends of parts.
_STEMS = {
    "age": "alters howold agenow ikaryhma возраст 龄 年龄 年齡 年齢 年纪 年紀 岁 歲 歳 나이 연령",
    "born": "geburt geboort geboren nacimi nascit nascim fodsel fodels urodz narozen lahir "
    "synty szulet dzims dzimis gimimo rođen rojstn sunniaeg sunnipaev γεννησ рожд народж जन्म "
    "জন্ম วันเกิด ปีเกิด 생월 출생 生まれ 出生 生日 生辰 生年 誕生 생년 생일 לידה ميلاد doğum",
    "minor": "pediatr paediatr eighteen mindrear mindreaar alaikain kiskoru alaealin nepilngad "
    "nepilnamet niepelnolet pelnolet nezletil zletil dospel meerderjar maggiorenn minderj "
    "minderar vollj underage toddler infant adolescen juvenil newborn teenage mineur majeur "
    "schoolboy schoolgirl schoolchild несоверш совершеннолет ребен детск малолет подрост "
    "неповнол доросл непълнол 미성년 성인 청소년 아동 만19세 नाबालिग बच्चा เด็ก ανηλικ παιδι قاصر "
    "بالغ קטין ילד vithanhnien 子ども こども 未成年 成年 成人 儿童 婴儿 幼儿 少年 孩子 小孩 "
    "宝宝 小学生 未满 已满 子供 어린이 طفل",
}
_BIRTH = re.compile(r"birth(?!mark)|(?<!re)naiss")
_MINOR = re.compile(r"minor(?!it|axis)")
# "is_over_18", "under18s", "age>=18", "18+", "legal_age" and "of_age" name an age anyway.
_ADULT_BY_NUMBER = re.compile(
    r"(?<![a-z])(?:(?:is|age|are)[\W_]*)?(?:over|under|above|below|older|younger|is|lt|gt|lte|gte|u|age|"
    r"least|uber|unter|ab|満|满|滿|mas|mayor|menor|menos|moins|plus|than|[<>≤≥])[\W_]*(?:than|de)?[\W_]*"
    r"(?:1[2-9]|2[01])(?!\d)"
    r"|(?<!\d)(?:1[2-9]|2[01])[\W_]*(?:years?|yrs?|jahre?|ans|anos)?[\W_]*"
    r"(?:\+|plus|(?:and|or|oder|ou|und|o|y)?[\W_]*(?:over|older|up|above|plus|alter|mas))"
)
_RUNS = re.compile(r"[\W_]{4,}")  # over which that pattern would take the cube of their length
# English and French words that end in "age" and are none; whatever else ends so may be one, such
# as "actorage".
_NO_AGES = """
    acreage advantage affichage appendage assemblage average baggage bandage barrage beverage
    bondage brokerage cabbage carriage cartilage cleavage collage corsage cottage courage coverage
    decoupage dosage drainage dressage eclairage engage entourage espionage foliage footage forage
    fuselage garage garbage heritage hermitage hostage language leakage leverage lineage linkage
    luggage mage manage maquillage marriage massage message mileage mirage montage mortgage
    orphanage outage package page parentage passage patronage paysage percentage personnage
    pilgrimage portage postage rampage sabotage salvage sausage savage shortage shrinkage signage
    spoilage stage storage tatouage tonnage triage usage village vintage visage voltage voyage
    wattage wreckage yardage
"""
_BEGINS_AS_AGE = re.compile(r"ages?(?!n(?!um))\w*")  # agency, agent, agenda
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_AXES = frozenset(["axis", "version"])  # of an ellipse, of a program
_OF_IMAGES = frozenset(["quality", "blur", "sharpness", "focus"])

_UNIT = re.compile(r"m|mn|mon|mos?|mn?ths?|mdr|d|dy|w|wks?|hrs?|mes|tag|dni|ay|hafta|z|norm|sd")
_AGE_BEFORE_UNIT = re.compile(r"^.*?(?:age|alter|edad|eta)(?=\w)")  # "agemos" is "age mos"
_UNITS = re.compile(
    r"month|monat|mois|meses|mese|mesi|maand|maned|miesi|месяц|月|개월|bulan|thang|semaine|week|woche|"
    r"days?$|inday|tage|dag[ae][nr]|giorn|jour|dias$|manad|maanede|settiman|мес|дней|日|天|周(?!岁)|hour|second|"
    r"quarter|decade|gestation|corrected|birth|born|dob"
)


_STROKES = str.maketrans(  # letters that Unicode does not take apart
    {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ß": "ss", "\u0131": "i", "þ": "th", "Þ": "Th"}
)


def _plain(name: str) -> str:
    """Return a name without accents and strokes, and without signs that cannot be seen."""
    apart = unicodedata.normalize("NFKD", name.translate(_STROKES))
    seen = (sign for sign in apart if unicodedata.category(sign) not in ("Mn", "Mc", "Cf", "Cc"))
    return unicodedata.normalize("NFC", "".join(seen))


_PLAIN_WORDS = {
    kind: frozenset(_plain(word).lower() for word in words.split())
    for kind, words in _WORDS.items()
}
_NO_AGE_ENDINGS = tuple(_NO_AGES.split())
_NO_AGE_WORDS = frozenset(["rage", "cage", "sage", "wage"])  # actorage ends so too
_PLAIN_STEMS = {
    kind: tuple(_plain(word).lower() for word in stems.split()) for kind, stems in _STEMS.items()
}


def names_an_age(name: str) -> bool:
    """Return whether a column's name is one that an age, or a date of birth, may have."""
    return bool(kinds_of(name))


@lru_cache(maxsize=4096)
def kinds_of(name: str) -> frozenset[str]:
    """Return what a name says, also in letters of another script that look like these.

    Args:
        name: Name of a column, at most ``LONGEST`` characters.

    Returns:
        Of ``age``, ``years``, ``months``, ``born``, ``minor``, ``school`` and ``unit``.
    """
    whole = _plain(name)[:LONGEST]
    alike = latin(name[:LONGEST])[:LONGEST]
    joined = {re.sub(r"[\W_]", "", text).lower() for text in (whole, alike)} - {""}
    parts = {part.lower() for part in _PARTS.findall(whole)} | set(_PARTS.findall(alike)) | joined
    found = {kind for kind, words in _PLAIN_WORDS.items() if parts & words}
    lines = "\n".join(parts)  # no stem goes over the end of a line
    found |= {kind for kind, stems in _PLAIN_STEMS.items() if any(map(lines.__contains__, stems))}
    for part in parts:
        found |= {"age"} if _is_age(part) else set()
        found |= {"born"} if _BIRTH.search(part) else set()
        found |= {"minor"} if _MINOR.search(part) else set()
    if any(_ADULT_BY_NUMBER.search(_RUNS.sub(_short, text)) for text in (whole.lower(), alike)):
        found.add("minor")
    found -= {"minor"} if parts & _AXES else set()
    found -= {"school"} if parts & _OF_IMAGES else set()
    return frozenset(found)


def _short(run: re.Match[str]) -> str:
    return " " + "".join(dict.fromkeys(sign for sign in run.group() if sign in "<>≤≥+"))


def _is_age(part: str) -> bool:
    singular = part.removesuffix("s")
    if singular.endswith("age") and not singular.endswith(_NO_AGE_ENDINGS):
        return singular not in _NO_AGE_WORDS
    return _BEGINS_AS_AGE.fullmatch(part) is not None


def speaks_of_no_years(name: str) -> bool:
    """Return whether the name of an age says that it is in months, or a date of birth."""
    return bool(kinds_of(name) & {"months", "born"}) or names_other_unit(name)


def names_other_unit(text: str) -> bool:
    """Return whether a text names a unit of time that is no year."""
    plain = _plain(text)
    parts = {part.lower() for part in _PARTS.findall(plain)}
    joined = re.sub(r"[\W_]", "", plain).lower()
    parts.add(_AGE_BEFORE_UNIT.sub("", joined))
    return bool(any(map(_UNIT.fullmatch, parts)) or _UNITS.search(joined))
