from __future__ import annotations

import pytest

from datagen.sources.age_columns import looks_like_age
from datagen.sources.age_names import names_an_age

AGES = [
    *("age", "Age", "AGE", " age ", "ages", "alter", "Alter", "face_age", "faceAge", "age_years"),
    *(
        "ageYears",
        "age.1",
        "subject-age",
        "age at capture",
        "personage",
        "agegroup",
        "apparent_age",
    ),
    *(
        "AgeInYears",
        "âge",
        "ÅLDER",
        "età",
        "edad",
        "idade",
        "возраст",
        "年龄",
        "나이",
        "\uff41\uff47\uff45",
    ),
    *("age\u200b", "dob", "DOB", "birth_year", "birthDate", "birthday", "date of birth", "yob"),
    *("Geburtsjahr", "born", "years", "Years", "is_minor", "child", "under18", "over_18", "u18"),
    *("agegrp", "ageofperson", "Age (years)", "PatientAge"),
    *("\u0430ge", "\u0410ge", "subject_\u0430g\u0435", "\u0430geYears", "a\u3164ge", "m\u0456nor"),
    *("school_grade", "schoolGrade", "grade", "Grade", "Klasse", "Jahrgang", "schuljahr"),
    *("geburtsdatum", "Geb.-Datum", "gebdat", "dateofbirth", "yearOfBirth", "fecha_nac", "bdate"),
    *("Lebensalter", "altersgruppe", "ηλικία", "عمر", "उम्र", "tuổi", "y.o.", "how old", "months"),
    *("isadult", "over18", "is18", "18plus"),
    *(
        "出生日期",
        "出生年月",
        "誕生日",
        "생일",
        "doğum tarihi",
        "tanggal_lahir",
        "födelsedatum",
        "date_naiss",
    ),
    *(
        "datanasc",
        "العمر",
        "السن",
        "גיל",
        "อายุ",
        "வயது",
        "आयु",
        "usia",
        "életkor",
        "возраст_лет",
        "年龄段",
    ),
    *(
        "participantage",
        "actorage",
        "speakerAge",
        "currentage",
        "yearsold",
        "Kindesalter",
        "dobyear",
    ),
    *(
        "is_over_18",
        "age_over_18",
        "isOver18",
        "age>=18",
        "18+",
        "lt18",
        "of_legal_age",
        "legal_age",
    ),
    *(
        "minderjährig",
        "volljährig",
        "mineur",
        "menor_de_edad",
        "未成年",
        "成年",
        "несовершеннолетний",
    ),
    *(
        "teens",
        "toddlers",
        "adolescent",
        "newborn",
        "minorflag",
        "containsminor",
        "under18s",
        "AGEU",
    ),
    *(
        "gebdatum",
        "Altersstufe",
        "født",
        "Fødselsdato",
        "fødselsår",
        "userDob",
        "isKid",
        "isbaby",
        "crianças",
        "agenow",
        "howOldAreYou",
        "minderårig",
        "mayor de 18",
        "满18",
        "dátum narodenia",
        "data nașterii",
        "ngày sinh",
        "дата народження",
        "erwachsen",
        "Säugling",
        "Klassenstufe",
        "alterinjahren",
        "unter 18",
    ),
    *("über 18", "ab 18", "adulte", "né le", "née le", "est_adulte", "bébé", "moins de 18 ans"),
    *(
        "18 ans ou plus",
        "grupo_etario",
        "niña",
        "cumpleaños",
        "adulto",
        "es_adulto",
        "más de 18 años",
    ),
    *("menos_de_18", "月龄", "婴儿", "孩子", "成人", "是否成人", "已满18", "18 or older", "<18"),
    *("18_and_over", "at_least_18", "older than 18", "Are you 18 or older?", "agenum"),
    *("date_de_naissance", "fechanacimiento", "дата рождения", "FechaDeNacimiento", "geb_jahr"),
]
NO_AGES = [
    *("image", "page", "language", "message", "average", "percentage", "usage", "coverage"),
    *("Young", "camera", "title", "package", "agency", "stage", "expression", "identity", "eye"),
    *(
        "date_uploaded",
        "storage",
        "village",
        "engaged",
        "feature_18",
        "agent",
        "agenda",
        "teak",
        "face_page",
        "minor_axis_length",
        "version_minor",
        "quality_grade",
        "birthmark",
        "left_pupil_x",
        "cover_18",
        "image_18",
        "renaissance",
        "kind",
        "x=18",
        "code_18",
        "photo_de_12",
        "minority",
        "manager",
    ),
    *("gradient", "upgrade", "graded_by", "nacelle", "genre", "degrade", "preschooler_ad"),
]


@pytest.mark.parametrize("name", AGES)
def test_names_of_ages(name: str) -> None:
    assert names_an_age(name)
    assert looks_like_age(name, "12")
    assert looks_like_age(name, 12)
    assert looks_like_age(name, 12.0)
    assert not looks_like_age(name, None)
    assert not looks_like_age(name, float("nan"))
    assert not looks_like_age(name, " ")


@pytest.mark.parametrize("name", NO_AGES)
def test_names_of_anything_else(name: str) -> None:
    assert not names_an_age(name)
    assert not looks_like_age(name, 15)
