"""Fonts: what is drawn of text from data in any script, and what stands for characters that no font has."""

import re
import sys
import unicodedata
from functools import cache

from matplotlib import font_manager

BASE = "DejaVu Sans"  # comes with matplotlib
# Fonts of systems and packages that have what it lacks: Chinese, Japanese, Korean and emoji.
_OTHERS = re.compile(
    r"CJK|Noto Sans (SC|TC|HK|JP|KR)|Source Han|WenQuanYi|Droid Sans Fallback|Arial Unicode|Unifont|Nanum|IPA\w*Gothic|"
    r"Takao|VL Gothic|YaHei|SimHei|SimSun|JhengHei|Yu Gothic|MS Gothic|Meiryo|Malgun|PingFang|Heiti|Hiragino|"
    r"Gothic Neo|AR PL|Noto Emoji|Symbola|Segoe UI (Emoji|Symbol)"
)
_UNSEEN = frozenset("\u200d\ufe0e\ufe0f")  # that join or choose a form of characters beside them


@cache
def families() -> tuple[str, ...]:
    """Return the fonts that figures are drawn with, the first that has a character first."""
    named = sorted({font.name for font in font_manager.fontManager.ttflist if _OTHERS.search(font.name)})
    return (BASE, *(name for name in named if _characters(name)))


@cache
def _characters(family: str) -> frozenset[int]:
    """Return the characters that a font draws; none for a font that cannot be used, such as one of coloured bitmaps."""
    try:
        font = font_manager.get_font(font_manager.findfont(family, fallback_to_default=False))
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@cache
def _known() -> frozenset[int]:
    return frozenset().union(*map(_characters, families()))


def drawable(text: str) -> str:
    """Replace what no font has by words in brackets: a dog's face by ``[dog face]``, 犬 by ``[U+72AC]``.

    That it is so is printed once.
    """
    known = _known()
    if all(ord(character) in known or character.isspace() for character in text):
        return text
    shown = ""
    for character in text:
        if character in _UNSEEN and shown.endswith("]"):
            continue  # goes with what is replaced
        if ord(character) in known or character.isspace():
            shown += character
        elif character not in _UNSEEN:
            _say_once(character)
            shown += f"[{_word(character)}]"
    return shown.replace("][", " ")


def _word(character: str) -> str:
    """Return the name of a character in the words of Unicode, without its script; or its number."""
    name = unicodedata.name(character, "").lower()
    if not name or "ideograph" in name:
        return f"U+{ord(character):04X}"
    return re.sub(r"^(hiragana|katakana|hangul|.*) (letter|syllable) (small )?", "", name)


_said: set[str] = set()


def _say_once(character: str) -> None:
    """Say on stderr that a character has no font, once in a process for all of them."""
    if not _said:
        print(
            f"no font has {character!r}, and perhaps others: words in brackets stand for them. Install a font that has "
            "them, such as Noto Sans CJK (fonts-noto-cjk) or Symbola (fonts-symbola), and draw the figures again.",
            file=sys.stderr,
        )
    _said.add(character)
