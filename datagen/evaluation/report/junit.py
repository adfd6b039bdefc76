"""Gates as JUnit XML, which every CI service shows as tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from datagen.core.terminal import plain
from datagen.evaluation.gates.judge import UNDECIDED, Verdict

__all__ = ["junit_xml"]


def junit_xml(name: str, verdicts: Sequence[Verdict]) -> str:
    """Return a test suite with one test case per gate.

    A gate that does not let the run pass is a failure; an undecided one that does is skipped.
    Control characters, which XML cannot hold, are escapes.

    Args:
        name: Name of the suite.
        verdicts: Verdicts of all gates.
    """
    failures = sum(not verdict.ok for verdict in verdicts)
    skipped = sum(verdict.ok and verdict.outcome == UNDECIDED for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failures), "skipped": str(skipped)}
    suite = ET.Element("testsuite", {"name": name, "errors": "0", **counts})
    for verdict in verdicts:
        case = ET.SubElement(suite, "testcase", {"classname": name, "name": verdict.gate})
        text = _text(verdict)
        if not verdict.ok:
            ET.SubElement(case, "failure", {"message": text, "type": verdict.outcome})
        elif verdict.outcome == UNDECIDED:
            ET.SubElement(case, "skipped", {"message": text})
        ET.SubElement(case, "system-out").text = text
    suites = ET.Element("testsuites", {"name": "datagen evaluate", **counts})
    suites.append(suite)
    for element in suites.iter():
        element.text = element.text and plain(element.text)
        element.attrib.update({key: plain(text) for key, text in element.attrib.items()})
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _text(verdict: Verdict) -> str:
    found = "no value"
    if not math.isnan(verdict.value):
        found = f"{verdict.value:.4f} [{verdict.low:.4f}, {verdict.high:.4f}]"
    detail = f"; {verdict.detail}" if verdict.detail else ""
    return f"{verdict.outcome}: expected {verdict.limit}, found {found}{detail}"
