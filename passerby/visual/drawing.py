"""Drawing on pictures: the font, text cut or wrapped to a width, cells; pictures as files."""

from __future__ import annotations

import base64
import io
import os
import unicodedata
from bisect import bisect
from math import ceil
from pathlib import Path
from typing import Literal, cast

from PIL import Image, ImageFont

from passerby.process.whole_files import write_whole

INK, FAINT, PAPER = (25, 25, 25), (105, 105, 105), (255, 255, 255)
LETTERBOX, OUTLINE = (238, 238, 238), (150, 150, 150)


def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's built-in font, in pixels."""
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size=size))


def require_picture_name(path: str | os.PathLike[str]) -> Path:
    """The path; ValueError unless it ends as a picture that can be written."""
    target = Path(path)
    if target.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"expected the name of a picture (.png, .jpg), got {target}")
    return target


def save_picture(picture: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a picture, whole or not at all, in the format of its file's name."""
    target = require_picture_name(path)
    content = io.BytesIO()
    picture.save(content, "PNG" if target.suffix.lower() == ".png" else "JPEG")
    write_whole(target, content.getvalue())
    return target


def data_uri(picture: Image.Image, kind: Literal["jpeg", "png"] = "jpeg") -> str:
    """The picture as a ``data:`` address (base64) that can stand in a page without a file."""
    buffer = io.BytesIO()
    if kind == "jpeg":
        # Full colour resolution: thin red and blue lines smear otherwise.
        picture.convert("RGB").save(buffer, "JPEG", quality=85, subsampling=0, optimize=True)
    else:
        picture.save(buffer, "PNG", optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def drawable(text: str) -> str:
    """The text in the characters that Pillow's built-in font has: é becomes e, others "?"."""
    letters = []
    for letter in unicodedata.normalize("NFKD", " ".join(text.split())):
        if letter in "·…" or " " <= letter <= "~":
            letters.append(letter)
        elif not unicodedata.combining(letter):
            letters.append("?")
    return "".join(letters)


def cut(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """The text, ended with "…" where it is wider than a width in pixels."""
    if len(text) < 200 and font.getlength(text) <= width:
        return text
    return text[: fitting_letters(text, width - int(font.getlength("…")) - 1, font)] + "…"


def fitting_letters(text: str, width: int, font: ImageFont.FreeTypeFont) -> int:
    """How many letters of the text fit a width in pixels."""
    text = text[:200]  # a name of a million letters must not be measured
    return bisect(range(1, len(text) + 1), width, key=lambda n: ceil(font.getlength(text[:n])))


def wrapped(text: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """The text in lines that fit the width in pixels; a longer word is broken."""
    indent = " " * (len(text) - len(text.lstrip()))
    lines = [indent]
    for word in text[:2000].split():
        rest = word
        joined = f"{lines[-1]} {rest}" if lines[-1].strip() else lines[-1] + rest
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1].strip():
            lines.append(indent)
        while font.getlength(indent + rest) > width and len(rest) > 1:
            fitting = max(1, fitting_letters(indent + rest, width, font) - len(indent))
            lines[-1] = indent + rest[:fitting]
            lines.append(indent)
            rest = rest[fitting:]
        lines[-1] = indent + rest
    return lines


def letterboxed(image: Image.Image, width: int, height: int, frame: int = 0) -> Image.Image:
    """The whole image in the middle of a grey cell, within a frame of so many pixels."""
    inner = width - 2 * frame, height - 2 * frame
    scale = min(inner[0] / image.width, inner[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    cell = Image.new("RGB", (width, height), LETTERBOX)
    offset = (width - size[0]) // 2, (height - size[1]) // 2
    cell.paste(image.resize(size, Image.Resampling.BICUBIC), offset)
    return cell
