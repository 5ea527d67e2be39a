"""What readers of JUnit files take: the elements, their order and attributes, as the schema of Jenkins' xUnit plug-in states them.

source: jenkinsci/xunit-plugin, junit-10.xsd; written down as a table, because no package that tests could depend on holds the schema
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")
SAID = {"message", "type"}
COUNTS = {"tests", "failures", "errors"}
# element: attributes that it must have, others that it may have, children, may it hold text?
GRAMMAR: dict[str, tuple[set[str], set[str], set[str], bool]] = {
    "testsuites": (set(), {"name", "time", *COUNTS}, {"testsuite"}, False),
    "testsuite": (
        {"name", *COUNTS},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url", "version"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "properties": (set(), set(), {"property"}, False),
    "property": ({"name", "value"}, set(), set(), False),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}, False),
    "failure": (set(), SAID, set(), True),
    "error": (set(), SAID, set(), True),
    "skipped": (set(), SAID, set(), True),
    "system-out": (set(), set(), set(), True),
    "system-err": (set(), set(), set(), True),
}


def faults_of(report: bytes) -> list[str]:
    """What a reader that holds to the schema would refuse; empty when nothing."""
    root = ET.fromstring(report)  # noqa: S314  our own report
    found = [] if root.tag in {"testsuites", "testsuite"} else [f"the root is {root.tag}"]
    for element in root.iter():
        if element.tag not in GRAMMAR:
            found.append(f"unknown element {element.tag}")
            continue
        must, may, children, text = GRAMMAR[element.tag]
        names = set(element.keys())
        found += [f"{element.tag} without {name}" for name in must - names]
        found += [f"{element.tag} has {name}" for name in names - must - may]
        found += [f"{child.tag} in {element.tag}" for child in element if child.tag not in children]
        if not text and (element.text or "").strip():
            found.append(f"text in {element.tag}")
        if element.tag in {"testsuite", "testsuites"} and not TIME.fullmatch(element.get("time", "")):
            found.append(f"{element.tag} time={element.get('time')}")
    return found
