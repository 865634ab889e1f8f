"""A hook of MkDocs: what these pages have for the tests and for readers of the code.

Words behind the language of a block (``bash run``) are for the tests; links into the code, which
lies beside the pages and not among them, become the names of its lines.
"""

import re
from typing import Any

_INTO_CODE = re.compile(r"\[([^\]]+)\]\(\.\./passerby/[^)]*\)")
_FOR_TESTS = re.compile(r"^```(\w+) \w+$", re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Called by MkDocs with the text of each page."""
    return _FOR_TESTS.sub(r"```\1", _INTO_CODE.sub(r"`\1`", markdown))
