"""The public names say, in sections that tools read, what they take, return, raise, and how."""

import inspect
import re

import pytest

import passerby

NAMES = [name for name in passerby.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_its_sections(name: str) -> None:
    thing = getattr(passerby, name)
    said = inspect.getdoc(thing) or ""
    sections = set(re.findall(r"^(Args|Attributes|Returns|Raises|Examples):$", said, re.MULTILINE))
    wanted = {"Examples"}
    if inspect.isclass(thing):
        assert sections & {"Args", "Attributes"}, name
    else:
        wanted |= {"Args", "Returns", "Raises"}
    assert wanted <= sections


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_told(name: str) -> None:
    """Of functions under Args, of classes under Args or Attributes."""
    thing = getattr(passerby, name)
    said = inspect.getdoc(thing) or ""
    told = set(re.findall(r"^    (\w+)(?:, (\w+))*(?: \[[^\n]*\])?:", said, re.MULTILINE))
    names = {part for pair in told for part in pair if part}
    for line in re.findall(r"^    ([\w, ]+):", said, re.MULTILINE):
        names |= set(line.replace(" ", "").split(","))
    missing = [
        parameter
        for parameter in inspect.signature(thing).parameters
        if parameter not in names and not parameter.startswith("_")
    ]
    assert missing == []
