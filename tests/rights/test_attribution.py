from __future__ import annotations

import datetime as dt
import re
from typing import Any

from datagen.rights import Purpose, check_rights
from datagen.rights.attribution import attribution_document
from datagen.rights.gate import decide_source
from datagen.weights.card import WeightCard
from tests.sources.trees import card

DAY = dt.date(2026, 6, 1)
RESEARCH = Purpose(use="research")


def test_the_document_names_everybody_and_every_term() -> None:
    faces = card(
        "folder",
        attribution="  Doe (2025). Faces.\n",
        homepage="https://example.org/faces",
        consent={
            "basis": "signed",
            "alteration": True,
            "commercial": False,
            "words": "may be altered",
            "grounds": "The lab, 2026",
        },
    )
    net = WeightCard(
        id="net", title="A net", file="n.onnx", license="MIT", citation="Roe, Networks, 2024"
    )
    decisions = check_rights([faces], [net], RESEARCH, DAY)
    text = attribution_document([faces], [net], decisions, "research, without redistribution")
    assert text.decode() == (
        "# Attribution and terms\n"
        "\n"
        "Made for: research, without redistribution.\n"
        "\n"
        "| used | license | covers the purpose |\n"
        "| --- | --- | --- |\n"
        "| source 'faces': Faces | CC-BY-4.0 | yes |\n"
        "| weights 'net': A net | MIT | yes |\n"
        "\n"
        "## Faces\n"
        "\n"
        "- License: CC-BY-4.0\n"
        "- Attribution: Doe (2025). Faces.\n"
        "- Homepage: https://example.org/faces\n"
        "- Consent: signed; alteration yes, commercial no, redistribution unknown\n"
        "- Consent statement: may be altered\n"
        "- Grounds, stated by the user of the source: The lab, 2026\n"
        "\n"
        "## A net\n"
        "\n"
        "- License: MIT\n"
        "- Citation: Roe, Networks, 2024\n"
    )


def test_what_is_not_stated_is_said_to_be_none() -> None:
    consent: dict[str, Any] = {"basis": "unknown"}
    plain = card("folder", title="Größe", consent=consent)
    net = WeightCard(id="net", title="A net", file="n.onnx", license="unknown")
    decision = decide_source(plain, RESEARCH, DAY)
    lines = attribution_document([plain], [net], [decision], "research").decode().splitlines()
    assert "| source 'faces': Größe | CC-BY-4.0 | no |" in lines
    for line in ("- Attribution: none stated", "- Homepage: none", "- Citation: none"):
        assert line in lines
    assert not any(line.startswith(("- Its words", "- Grounds")) for line in lines)


def test_a_card_forges_no_section_and_no_markup() -> None:
    title = "x\n## Other\n- License: CC0-1.0\n<img src=x onerror=alert(1)> | a | [b](javascript:c)"
    faces = card("folder", title=title, attribution=title)
    decisions = check_rights([faces], [], RESEARCH, DAY)
    text = attribution_document([faces], [], decisions, "research").decode()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Attribution and terms",
        "## x ## Other - License: CC0-1.0 \\<img src=x onerror=alert(1)\\> \\| a \\| "
        "\\[b\\](javascript:c)",
    ]
    assert not re.search(r"(?<!\\)[<\[]", text)
