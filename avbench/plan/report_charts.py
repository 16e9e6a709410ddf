"""Two charts of Snakemake's report, mended: running times of no length, and a rule that stands twice among the rules.

Both are specifications of Vega, which the report holds as JSON. Where it holds none, it stays as it is.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

SHORTEST_S = 0.01
"""Shorter running times are drawn here: on a logarithmic axis, one of no length leaves the whole chart empty."""
STEP = 50  # between nodes, as Snakemake draws them
Links = set[tuple[int, int]]


def mended(report: str) -> str:
    """Return a report with its charts mended.

    Args:
        report: HTML, as Snakemake makes it.
    """
    for name, mend in (("runtimes_spec", _runtimes), ("rulegraph_spec", _rules)):
        report = _replaced(report, f"var {name} = ", mend)
    return report


def _replaced(report: str, lead: str, mend: Callable[[Any], None]) -> str:
    """Have the JSON after a lead changed in place."""
    start = report.find(lead) + len(lead)
    if start < len(lead):
        return report
    value, end = json.JSONDecoder().raw_decode(report, start)
    mend(value)
    return report[:start] + json.dumps(value) + report[end:]


def _runtimes(chart: Any) -> None:
    """Draw short running times where a logarithmic axis has room for them."""
    for job in chart["data"]["values"]:
        job["runtime"] = max(SHORTEST_S, job["runtime"])
    chart["encoding"]["x"]["axis"]["title"] = f"runtime [s], at least {SHORTEST_S}"


def _rules(chart: Any) -> None:
    """Draw one node for each rule, in an order in which links lead down."""
    data = {part["name"]: part for part in chart["data"]}
    rules = [node["rule"] for node in data["node-data"]["values"]]
    parts = [data[name]["values"] for name in ("link-data", "link-data-direct")]
    links = {(link["source"], link["target"]) for part in parts for link in part}
    order, links = merged(rules, links)
    place = {node: number for number, node in enumerate(order)}
    data["node-data"]["values"] = [{"rule": rules[n], "fx": 10, "fy": STEP * place[n]} for n in order]
    drawn = [
        {"target": place[t], "source": place[s], "sourcerule": rules[s], "targetrule": rules[t], "value": 1}
        for s, t in sorted(links, key=lambda link: (place[link[1]], place[link[0]]))
    ]
    for name, direct in (("link-data", False), ("link-data-direct", True)):
        data[name]["values"] = [link for link in drawn if (link["target"] - link["source"] == 1) == direct]


def merged(rules: list[str], links: Iterable[tuple[int, int]]) -> tuple[list[int], Links]:
    """Put nodes of the same rule together, unless one leads to another, as in a further round.

    Args:
        rules: of each node.
        links: source and target, numbers of nodes; no circles.

    Returns:
        The nodes that remain, sources before their targets and else in their order, and the links among them.
    """
    left, links = list(range(len(rules))), set(links)
    for node in range(len(rules)):
        for first in [other for other in left if other < node and rules[other] == rules[node]]:
            if not (_leads(links, first, node) or _leads(links, node, first)):
                links = {(first if s == node else s, first if t == node else t) for s, t in links}
                left.remove(node)
                break
    return _sorted(left, links), links


def _leads(links: Links, source: int, target: int) -> bool:
    """Say whether a way leads from one node to another."""
    seen, ahead = {source}, [source]
    while ahead:
        node = ahead.pop()
        further = {t for s, t in links if s == node} - seen
        seen |= further
        ahead += further
    return target in seen


def _sorted(nodes: list[int], links: Links) -> list[int]:
    """Sort nodes so that every link leads from an earlier to a later one."""
    waits = {node: sum(t == node for _, t in links) for node in nodes}
    targets = defaultdict(list)
    for source, target in links:
        targets[source].append(target)
    free, order = [node for node in nodes if not waits[node]], []
    heapq.heapify(free)
    while free:
        order.append(heapq.heappop(free))
        for target in targets[order[-1]]:
            waits[target] -= 1
            if not waits[target]:
                heapq.heappush(free, target)
    return order
