"""A line per claim when it is decided, once, and none of what earlier runs decided."""

import os

from avbench.core.files import write_json
from avbench.plan.round_news import RoundNews


def look(folder, seeds, *claims):
    names = ("claim", "budget", "state", "effect")
    path = folder / f"{seeds}.json"
    write_json(path, {"seeds": seeds, "claims": [dict(zip(names, claim, strict=True)) for claim in claims]})
    return path


def test_a_claim_is_told_of_once_when_it_is_decided(tmp_path):
    said = []
    news = RoundNews(said.append, since=0)
    first = look(tmp_path, 3, ("gain", "default", "decided", 8.04), ("gap", "long", "open", 1.0))
    assert news.read(first)["seeds"] == 3
    news.read(first)
    assert said == ["claim gain: decided after 3 seeds (+8.0 points)"]
    news.read(
        look(
            tmp_path,
            5,
            ("gain", "default", "decided", 8.0),
            ("gap", "long", "futile", -0.2),
            ("x", "a", "not tested", None),
        )
    )
    assert said[1:] == ["claim gap at long: futile after 5 seeds (-0.2 points)"]


def test_what_earlier_runs_decided_is_no_news(tmp_path):
    said = []
    news = RoundNews(said.append)
    path = look(tmp_path, 3, ("gain", "default", "decided", 8.0))
    os.utime(path, (1, 1))
    news.read(path)
    news.read(look(tmp_path, 5, ("gain", "default", "decided", 8.0)))
    assert said == []
