"""Workbooks as a spreadsheet program reckons them: LibreOffice without a window, and the cells of a file."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
WITHOUT = "LibreOffice is not installed (libreoffice-calc): the workbook was not recalculated"

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item>
</oor:items>
"""

type Cells = dict[str, dict[str, float | str]]
"""Sheet to address to what stands in a cell."""


def recalculated(file: Path, folder: Path) -> Cells:
    """What LibreOffice makes of a workbook, every formula reckoned anew."""
    assert OFFICE is not None
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "registrymodifications.xcu").write_text(_ALWAYS, encoding="utf-8")
    out = folder / "out"
    subprocess.run(
        [
            OFFICE,
            f"-env:UserInstallation={profile.parent.as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(out),
            str(file),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return cells_of(out / file.name)


def cells_of(file: Path) -> Cells:
    """The values that a workbook's cells hold, by sheet and address."""
    with zipfile.ZipFile(file) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {each.get("Id"): each.get("Target") for each in relations}
        words: list[str] = []
        if "xl/sharedStrings.xml" in archive.namelist():
            shared = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            words = ["".join(t.text or "" for t in each.iter(f"{_MAIN}t")) for each in shared]
        found: Cells = {}
        for sheet in book.iter(f"{_MAIN}sheet"):
            target = str(targets[sheet.get(f"{_RELATIONS}id")]).removeprefix("/xl/")
            tree = ElementTree.fromstring(archive.read(f"xl/{target}"))
            found[str(sheet.get("name"))] = {
                str(each.get("r")): _value(each, words)
                for each in tree.iter(f"{_MAIN}c")
                if each.find(f"{_MAIN}v") is not None
            }
    return found


def formulas_of(file: Path) -> dict[str, dict[str, str]]:
    """The formulas of a workbook, by sheet and address; its links stand under the sheet's name with "!"."""
    with zipfile.ZipFile(file) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [str(sheet.get("name")) for sheet in book.iter(f"{_MAIN}sheet")]
        found = {}
        for number, name in enumerate(names, start=1):
            tree = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
            cells = ((str(c.get("r")), c.find(f"{_MAIN}f")) for c in tree.iter(f"{_MAIN}c"))
            found[name] = {at: formula.text or "" for at, formula in cells if formula is not None}
            found[f"{name}!"] = {str(link.get("ref")): "" for link in tree.iter(f"{_MAIN}hyperlink")}
    return found


def changed(file: Path, sheet: str, address: str, number: float, target: Path) -> Path:
    """A copy of a workbook in which a number has been changed by hand; what other cells show is as before."""
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [str(each.get("name")) for each in book.iter(f"{_MAIN}sheet")]
        page = f"xl/worksheets/sheet{names.index(sheet) + 1}.xml"
        for name in archive.namelist():
            content = archive.read(name)
            if name == page:
                text = content.decode()
                pattern = rf'(<c r="{address}"[^>]*><v>)[^<]*(</v>)'
                assert len(re.findall(pattern, text)) == 1
                content = re.sub(pattern, rf"\g<1>{number!r}\g<2>", text).encode()
            copy.writestr(name, content)
    return target


def _value(node: ElementTree.Element, words: list[str]) -> float | str:
    """What one cell holds."""
    text = node.findtext(f"{_MAIN}v") or ""
    kind = node.get("t")
    if kind == "s":
        return words[int(text)]
    if kind in ("str", "e"):
        return text
    return float(text)
