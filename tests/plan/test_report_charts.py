"""Snakemake's report with its charts mended, made by Snakemake's own functions."""

import json

from hypothesis import given
from hypothesis import strategies as st
from snakemake.report.html_reporter.data import render_rulegraph, render_runtimes

from avbench.plan.report_charts import SHORTEST_S, mended, merged


def report(rules, links, runtimes=()):
    """A report as Snakemake writes it, of nodes and links (source, target)."""
    nodes = [{"rule": rule, "fx": 10, "fy": 50 * i} for i, rule in enumerate(rules)]
    told = [{"target": t, "source": s, "sourcerule": rules[s], "targetrule": rules[t], "value": 1} for s, t in links]
    near = [link for link in told if link["target"] - link["source"] == 1]
    graph = render_rulegraph(nodes, [link for link in told if link not in near], near)
    times = render_runtimes([{"rule": rule, "runtime": time} for rule, time in runtimes])
    return f"<script>\n var rulegraph_spec = {graph};\n</script><script>\n var runtimes_spec = {times};\n</script> end"


def held(text, name):
    return json.JSONDecoder().raw_decode(text, text.index(f"var {name} = ") + len(f"var {name} = "))[0]


def test_a_job_that_took_no_time_has_a_place_on_the_axis():
    times = held(mended(report(["a"], [], [("a", 0.0), ("b", 3.5)])), "runtimes_spec")
    assert [job["runtime"] for job in times["data"]["values"]] == [SHORTEST_S, 3.5]
    assert str(SHORTEST_S) in times["encoding"]["x"]["axis"]["title"]


def test_a_rule_stands_once():
    rules = ["subset", "supervised", "statistics", "supervised", "tables"]
    text = mended(report(rules, [(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)]))
    nodes, *links = (part["values"] for part in held(text, "rulegraph_spec")["data"])
    assert [node["rule"] for node in nodes] == ["subset", "statistics", "supervised", "tables"]
    assert [node["fy"] for node in nodes] == [0, 50, 100, 150]
    found = {(link["sourcerule"], link["targetrule"]) for part in links for link in part}
    pairs = {("subset", "supervised"), ("subset", "statistics"), ("statistics", "supervised"), ("supervised", "tables")}
    assert found == pairs
    assert [(link["source"], link["target"]) for link in links[1]] == [(0, 1), (1, 2), (2, 3)]
    assert text.endswith("</script> end")


def test_a_rule_that_follows_itself_stands_once_a_round():
    order, links = merged(["pretrain", "labels", "pretrain"], [(0, 1), (1, 2)])
    assert order == [0, 1, 2]
    assert links == {(0, 1), (1, 2)}


def test_a_report_without_charts_stays():
    assert mended("<p>nothing</p>") == "<p>nothing</p>"


graphs = st.lists(st.sampled_from("abc"), min_size=1, max_size=8).flatmap(
    lambda rules: st.tuples(
        st.just(rules),
        st.sets(
            st.tuples(st.integers(0, len(rules) - 1), st.integers(0, len(rules) - 1)).filter(
                lambda pair: pair[0] < pair[1]
            )
        ),
    )
)


@given(graphs)
def test_all_links_lead_down_and_none_is_lost(graph):
    rules, links = graph
    order, kept = merged(rules, links)
    place = {node: number for number, node in enumerate(order)}
    assert all(place[source] < place[target] for source, target in kept)
    assert {(rules[s], rules[t]) for s, t in kept} == {(rules[s], rules[t]) for s, t in links}
    assert {rules[node] for node in order} == set(rules)
