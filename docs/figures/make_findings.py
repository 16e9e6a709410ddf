"""Draw the figure of docs/findings.md and write its table of claims: python docs/figures/make_findings.py

Both are made of the tables that are committed in results/. tests/test_findings.py holds the page to them.
"""

from pathlib import Path

import pandas as pd

from avbench.figures import names, panels, style

ROOT = Path(__file__).parents[2]
STUDIES = {
    "real words": ("real-words", style.VERMILION, "o"),
    "generated clips": ("reference", style.BLUE, "s"),
}
BEGIN, END = "<!-- the table of claims begins -->", "<!-- the table of claims ends -->"
_PUBLISHED = {"linestyle": "", "marker": "D", "markerfacecolor": "none", "markersize": 5, "color": style.BLACK}


def claims(study: str) -> pd.DataFrame:
    """Return the claims that a study tested, by name, numbers as numbers."""
    table = pd.read_csv(ROOT / "results" / STUDIES[study][0] / "tables" / "claims.csv", index_col="claim")
    return table[table["effect"].notna()]


def at_budgets(study: str, claim: str) -> pd.DataFrame:
    """Return a claim's rows, the shortest budget first."""
    table = pd.read_csv(ROOT / "results" / STUDIES[study][0] / "tables" / "claims_by_budget.csv")
    return table[(table["claim"] == claim) & table["effect"].notna()]


def tested() -> dict[str, str]:
    """Return the texts of the claims that any study tested, in the order of the first."""
    return {name: text for study in STUDIES for name, text in claims(study)["text"].items()}


def interval(row: pd.Series) -> str:
    """Write an effect in points with its interval."""
    effect, low, high = (f"{100 * row[name]:.1f}".replace("-", "−") for name in ("effect", "ci_low", "ci_high"))
    return f"{effect} ({low} to {high})"


def table() -> str:
    """Return the claims side by side as a table of Markdown."""
    heads = [head for study in STUDIES for head in (*(f"{study}, {n} steps" for n in _steps(study)), "verdict")]
    lines = ["| claim | paper | " + " | ".join(heads) + " |", "|---" * (2 + len(heads)) + "|"]
    for name, text in tested().items():
        cells = []
        for study in STUDIES:
            found = claims(study)
            if name not in found.index:
                cells += ["–"] * (len(_steps(study)) + 1)
                continue
            cells += [interval(row) for _, row in at_budgets(study, name).iterrows()]
            cells.append(f"**{found.verdict[name]}**")
        lines.append(f"| {text} | {_published(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _steps(study: str) -> list[str]:
    table = pd.read_csv(ROOT / "results" / STUDIES[study][0] / "tables" / "claims_by_budget.csv")
    return [f"{int(budget.partition('-')[2]):,}" for budget in dict.fromkeys(table["budget"])]


def _published(name: str) -> str:
    """Return the effect that the paper published for a claim; out of domain, the mean of its tasks."""
    effects = [claims(study)["published"].get(name, float("nan")) for study in STUDIES]
    known = [f"{100 * effect:+.1f}".replace("-", "−") for effect in effects if effect == effect]
    return " / ".join(dict.fromkeys(known)) or "–"


def draw(path: Path) -> None:
    """Draw the effects of all claims at both budgets of both studies, and the published ones."""
    found = tested()
    with style.shared():
        figure = style.figure(style.PAGE, 0.42 * len(found) + 1.1)
        axes = figure.subplots()
        axes.axvline(0, color=style.GREY, linewidth=0.8)
        for line, name in enumerate(found):
            for place, (study, (_, colour, marker)) in enumerate(STUDIES.items()):
                rows = at_budgets(study, name)
                for step, (_, row) in enumerate(rows.iterrows()):
                    last = step == len(rows) - 1
                    height = line + (-0.27 + 0.18 * (2 * place + step))
                    axes.plot(
                        [100 * row.ci_low, 100 * row.ci_high], [height] * 2, color=colour, linewidth=1.0,
                        alpha=1.0 if last else 0.55,
                    )  # fmt: skip
                    face = colour if last else "white"
                    axes.plot(100 * row.effect, height, marker, color=colour, markersize=4, markerfacecolor=face)
                published = claims(study)["published"].get(name, float("nan"))
                axes.plot(100 * published, line, **_PUBLISHED)
        panels.rows(axes, [names.wrap(text, 62, 2) for text in found.values()])
        axes.grid(True, axis="x")
        axes.set_xlabel("Effect (percentage points)")
        keys = [
            style.key(f"{study}, {length} budget", color=colour, marker=marker, markerfacecolor=face)
            for study, (_, colour, marker) in STUDIES.items()
            for length, face in (("shorter", "white"), ("longer", colour))
        ]
        style.legend(figure, [*keys, style.key("published", **_PUBLISHED)])
        figure.savefig(path, dpi=110, metadata={"Software": None}, pil_kwargs={"optimize": True})


def main() -> None:
    """Write the figure, and the table into the page."""
    draw(Path(__file__).with_name("findings-claims.png"))
    page = ROOT / "docs/findings.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
