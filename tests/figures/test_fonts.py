"""Labels in any script: drawn where a font has them, or replaced by words."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from avbench.figures import fonts, names, style


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Fonts of this machine that have more than matplotlib's own are not seen."""
    listed = [font for font in font_manager.fontManager.ttflist if not fonts._OTHERS.search(font.name)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", listed)
    monkeypatch.setattr(fonts, "_said", set())
    cached = (fonts.families, fonts._characters, fonts._known)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def install(path, characters):
    """Write a font in which these characters are black squares, and have matplotlib know it."""
    pen = TTGlyphPen(None)
    corners = [(0, 0), (0, 700), (700, 700), (700, 0)]
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    square, builder = pen.glyph(), FontBuilder(1000, isTTF=True)
    glyphs = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(character): f"u{ord(character):04X}" for character in characters})
    builder.setupGlyf(dict.fromkeys(glyphs, square))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Noto Sans CJK Test", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
    font_manager.fontManager.addfont(path)


def test_what_every_font_has_is_left_alone(capsys):
    for text in ("dog barking", "naïve café", "Žižek–Ω", "лай собаки", "a\nb", ""):
        assert fonts.drawable(text) == text
    assert fonts.families() == (fonts.BASE,)
    assert capsys.readouterr().err == ""


def test_what_no_font_has_is_replaced_by_words_and_said_once(capsys):
    assert fonts.drawable("犬") == "[U+72AC]"
    assert fonts.drawable("犬の声 dog") == "[U+72AC no U+58F0] dog"
    assert fonts.drawable("강") == "[gang]"
    assert fonts.drawable("\N{DOG FACE}\ufe0f bark") == "[dog face] bark"
    assert fonts.drawable("犬") != fonts.drawable("猫")
    assert capsys.readouterr().err.count("no font has '犬'") == 1


def test_a_font_of_the_system_is_used(tmp_path, capsys):
    install(tmp_path / "cjk.ttf", "犬\N{DOG FACE}")
    assert fonts.families() == (fonts.BASE, "Noto Sans CJK Test")
    assert fonts.drawable("犬\N{DOG FACE}猫") == "犬\N{DOG FACE}[U+732B]"
    style.save(style.notice("犬犬犬犬"), tmp_path / "dogs")
    style.save(style.notice("dogs"), tmp_path / "plain")
    pixels = [np.asarray(_read(tmp_path / f"{name}.png")) for name in ("dogs", "plain")]
    # Squares are much blacker than letters.
    assert (pixels[0][..., 0] < 0.5).sum() > 3 * (pixels[1][..., 0] < 0.5).sum()


def _read(path):
    import matplotlib.image

    return matplotlib.image.imread(path)


def test_wide_characters_are_wrapped_earlier(tmp_path):
    install(tmp_path / "cjk.ttf", "犬")
    assert [len(line) for line in names.wrap("犬" * 20, 20, 3).split("\n")] == [10, 10]
    assert names.wrap("dog " * 5, 20) == "dog dog dog dog dog"
