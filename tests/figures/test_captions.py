import html
import re
import string
from types import SimpleNamespace

import jinja2
import pytest
from docutils.core import publish_parts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avbench.figures import captions

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def as_the_report_reads(text):
    """Render a caption as Snakemake does: Jinja, then reStructuredText; return what a reader sees."""
    told = SimpleNamespace(config={"pretraining": {}})
    rendered = jinja2.Environment().from_string(text).render(snakemake=told)
    body = publish_parts(rendered, writer_name="html", settings_overrides={"report_level": 1})["body"]
    return html.unescape(re.sub("<[^>]*>", "", body)), body


@pytest.mark.parametrize(
    "text",
    [
        "a_b_ *c* **d** `e` |f| [1]_ g:: {{ h }} {% i %} {# j #} <k> http://l/m_n",
        "- no list",
        "1. no list",
        "(a) no list",
        ".. note:: no comment",
        ">>> no code",
        "-a  no option",
        "=====",
        ":no: field",
        string.punctuation,
        "soft positive (50 %): +3.2 points (−1.0 to +5.4), ρ −0.5",
    ],
)
def test_a_written_caption_reads_as_it_was_meant(tmp_path, text):
    captions.write(tmp_path / "figure", text)
    shown, body = as_the_report_reads((tmp_path / "figure.rst").read_text(encoding="utf-8"))
    assert " ".join(shown.split()) == " ".join(text.split())
    assert body.startswith("<p>")
    assert "system-message" not in body


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1))
@example("\\")
def test_no_text_is_read_as_markup(text):
    shown, body = as_the_report_reads(captions.escape(f"x{text}x"))
    assert " ".join(shown.split()) == " ".join(f"x{text}x".split())
    assert "system-message" not in body


def test_gains_are_written_in_points_with_a_sign():
    assert captions.points(0.0324) == "+3.2"
    assert captions.points(-0.1) == "−10.0"
    assert captions.points(-0.0004) == "0.0"
    assert captions.gain(0.01, -0.002, 0.03) == "+1.0 points (−0.2 to +3.0)"
    assert captions.gain(0.01, float("nan"), float("nan")) == "+1.0 points (no interval)"


def test_numbers_go_with_their_nouns():
    assert captions.count(1, "cell") == "1 cell"
    assert captions.count(1200, "clip") == "1,200 clips"
    assert captions.count(2, "class", "classes") == "2 classes"
    assert captions.joined(["a"]) == "a"
    assert captions.joined(["a", "b", "c"]) == "a, b and c"
