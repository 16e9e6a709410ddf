"""Verbs that make tables and figures, and check them."""

import argparse
from pathlib import Path

from avbench.cli.arguments import OUTPUT, Verbs, path_argument


def tables(args: argparse.Namespace) -> None:
    """make every table of an experiment from scores, predictions and runs, and test the claims"""
    from avbench.core.files import read_json
    from avbench.provenance import record as provenance
    from avbench.results.make import make_tables, sources

    provenance.begin()
    plan = read_json(args.plan)
    made = make_tables(plan, args.output)
    provenance.record(args.output.parent / provenance.FOLDER / "tables.json", sources(plan), made)


def decide(args: argparse.Namespace) -> None:
    """say which claims are decided after a round of seeds, and which runs get further ones"""
    from avbench.core.files import read_json, write_json
    from avbench.results.further_seeds import decide as run

    made = run(read_json(args.plan))
    states = [claim["state"] for claim in made["claims"]]
    found = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    print(f"claims after {made['seeds']} seeds: {found}; {len(made['further'])} runs get further seeds")
    write_json(args.output, made)


def figures(args: argparse.Namespace) -> None:
    """draw figures of the report, each as PNG and PDF"""
    from avbench.core.files import read_json
    from avbench.figures.draw import draw_figures

    draw_figures(read_json(args.plan), args.output)


def verify(args: argparse.Namespace) -> None:
    """check tables, scores, runs and all that they were made from against the records; status 1 if anything is wrong"""
    from avbench.audit.verify import verify as check
    from avbench.core.files import write_json

    verdict = check(args.results, args.deep)
    if args.json:
        write_json(args.json, verdict.as_json())
    print(verdict)
    if verdict.findings:
        raise SystemExit(1)


def crate(args: argparse.Namespace) -> None:
    """export an experiment as an RO-Crate: workflow, tables, figures, report and records, for an archive"""
    from avbench.audit.crate import crate as export

    print(f"{args.output}: {export(args.results, args.output, args.licence, args.checkpoints)} files")


def export(args: argparse.Namespace) -> None:
    """write a run's encoders to a folder: weights, settings, a card, and a module that needs torch alone"""
    from avbench.audit.export import CHOICES, find_run
    from avbench.audit.export import export as write

    run = find_run(args.results, {name: getattr(args, name) for name in CHOICES})
    write(run, args.output)
    print(f"{args.output}: {run}")


def summary(args: argparse.Namespace) -> None:
    """print an experiment's results, the claims' verdicts and where the report is"""
    from avbench.plan import paths
    from avbench.results.console import print_summary

    print_summary(paths.below(args.results, paths.TABLES), paths.below(args.results, paths.REPORT))
    if (page := paths.below(args.results, paths.PAGE)).is_file():  # results made before there were pages have none
        print(f"Page: {page} (python -m avbench open {args.results} shows it)")


_DIFFER = "assumed: test clips on which runs of two methods differ in being right (30)"


def power(args: argparse.Namespace) -> None:
    """say how many seeds, test clips and hours it would take to decide claims: those measured, or assumed ones"""
    from avbench.core.errors import UserError
    from avbench.results import claim_power

    if not args.effect > 0:
        raise UserError(f"--effect: {args.effect:g} is not allowed; it must be above 0, in points.")
    if not 0 < args.power < 100:
        raise UserError(f"--power: {args.power:g} is not allowed; it must be above 0 and below 100 %.")
    if (args.results is None) == (args.seed_sd is None):
        raise UserError("give either a folder of results or --seed-sd and --clips, which are assumed.")
    hours: dict[tuple[str, str], float] = {}
    if args.results is None:
        spreads = claim_power.assumed(args.seed_sd, args.clips, args.seeds, args.claims, args.differ)
    else:
        spreads, hours = claim_power.measured(args.results)
    found = claim_power.asked(spreads, args.effect / 100, args.power / 100)
    print(claim_power.format_power(found, hours, args.power / 100), end="")


VERBS: Verbs = {
    tables: [
        path_argument("--plan", "a JSON file of what the tables are made of"),
        path_argument("--output", "folder of the tables"),
    ],
    decide: [
        path_argument("--plan", "a JSON file of the scores so far, the claims and the runs"),
        OUTPUT,
    ],
    figures: [
        path_argument("--plan", "a JSON file with the inputs of each figure, by its name"),
        path_argument("--output", "folder of the figures"),
    ],
    verify: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--deep", {"action": "store_true", "help": "compare contents too: scores, predictions, subsets, ledgers"}),
        path_argument("--json", "write what was found here as well", optional=True),
    ],
    crate: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        path_argument("--output", "a .zip file, or a new folder"),
        ("--licence", {"metavar": "TEXT", "help": "of tables and figures: an address, or words"}),
        ("--checkpoints", {"action": "store_true", "help": "take the models and their features too"}),
    ],
    export: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--method", {"required": True, "metavar": "NAME", "help": "whose run"}),
        ("--seed", {"required": True, "metavar": "N", "help": "of the run"}),
        *(
            (f"--{name}", {"metavar": "NAME", "help": "where there are several"})
            for name in ("dataset", "subset", "labels", "budget")
        ),
        path_argument("--output", "a folder"),
    ],
    power: [
        ("results", {"type": Path, "nargs": "?", "metavar": "DIR", "help": "results/{experiment}"}),
        ("--effect", {"type": float, "default": 2.0, "metavar": "POINTS", "help": "the true effect to decide (2)"}),
        ("--power", {"type": float, "default": 80.0, "metavar": "%%", "help": "how often it is to be decided (80)"}),
        ("--seed-sd", {"type": float, "metavar": "POINTS", "help": "assumed: deviation between seeds of a method"}),
        ("--clips", {"type": int, "metavar": "N", "help": "assumed: test clips"}),
        ("--seeds", {"type": int, "default": 3, "metavar": "N", "help": "assumed: seeds (3)"}),
        ("--claims", {"type": int, "default": 1, "metavar": "N", "help": "assumed: claims tested together (1)"}),
        ("--differ", {"type": float, "default": 30.0, "metavar": "%%", "help": _DIFFER}),
    ],
    summary: [("--results", {"type": Path, "required": True, "metavar": "DIR", "help": "results/{experiment}"})],
}
