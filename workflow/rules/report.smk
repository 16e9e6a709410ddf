# Scores → tables, claims, figures. Snakemake's own report collects what is marked with report().

from avbench.config.methods import PRESETS

SEEDED_RUNS = [
    f"{run_folder(run)}/seed-{seed}"
    for run in experiment.runs()
    for seed in experiment.seeds
]
PRETRAINED = [folder for folder in SEEDED_RUNS if "/none/untrained/" not in folder]
SUPERVISED = [
    f"{RESULTS}/supervised/{task}/{subset}/seed-{seed}"
    for task, subset in experiment.supervised()
    for seed in experiment.seeds
]
# Every folder with scores.csv and predictions.parquet: frozen features, what was trained on them, the supervised baseline.
SCORED = [
    *SEEDED_RUNS,
    *expand("{run}/{protocol}", run=SEEDED_RUNS, protocol=experiment.trained()),
    *SUPERVISED,
]
SUBSETS = {
    name: f"{RESULTS}/subsets/{experiment.dataset}/{name}.csv"
    for name in experiment.subsets
}
LARGEST = list(experiment.subsets)[-1]


ACCURACY = f"{RESULTS}/tables/accuracy.csv"
SUMMARY = f"{RESULTS}/tables/summary.csv"
COMPARISONS = f"{RESULTS}/tables/comparisons.csv"
OWN_LABELS = experiment.own_labels()
COMMON = {
    "data": "data",
    "subsets": SUBSETS,
    "imbalances": {
        name: subset["imbalance"]
        for name, subset in experiment.subsets.items()
        if "imbalance" in subset
    },
    "tasks": experiment.tasks,
    "own_labels": OWN_LABELS,
}
SAMPLES = {
    "data": "data",
    "dataset": experiment.dataset,
    "subset": SUBSETS[LARGEST],
    "features": experiment.feature_settings(),
}
PAIRS = SAMPLES | {
    "seed": experiment.seeds[0],
    "pretraining": experiment.pretrain_settings(LARGEST),
    "methods": {
        name: {
            "method": experiment.method_settings(name, OWN_LABELS[name]),
            "labels": label_file(LARGEST, OWN_LABELS[name], experiment.seeds[0]),
        }
        for name in experiment.methods
        if LARGEST in experiment.grid[name][OWN_LABELS[name]]
    },
}

PAPER = f"{RESULTS}/tables/paper.csv"
# The figures of single classes and clips show the in-domain task, at the smallest and the largest subset.
IN_DOMAIN = next(
    (
        name
        for name, task in experiment.tasks.items()
        if task["role"] == "in-domain" and "audio" in task["modalities"]
    ),
    None,
)
# A method's runs with its own labels.
FOLDERS = {
    (run.method, run.subset): run_folder(run)
    for run in experiment.runs()
    if run.labels == OWN_LABELS[run.method]
}
SMALLEST = list(experiment.subsets)[0]
SHOWN = (
    "soft-positive"
    if "soft-positive" in experiment.methods
    else list(experiment.methods)[-1]
)
PREDICTIONS = {
    method: {
        subset: [
            f"{FOLDERS[method, subset]}/seed-{seed}/predictions.parquet"
            for seed in experiment.seeds
        ]
        for subset in (SMALLEST, LARGEST)
    }
    for method in ("random", SHOWN)
    if {(method, SMALLEST), (method, LARGEST)} <= set(FOLDERS)
}
MAPPED = {
    method: f"{FOLDERS[method, SMALLEST]}/seed-{experiment.seeds[0]}/embeddings.npz"
    for method in ("untrained", "random", SHOWN)
    if (method, SMALLEST) in FOLDERS
}
CLASSES = {"subsets": SUBSETS, "task": IN_DOMAIN, "modality": "audio"}
BALANCE = {
    name: "listed" if "ids" in subset else subset.get("balance", "balanced")
    for name, subset in experiment.subsets.items()
}
BALANCES = {
    (BALANCE[name], subset.get("imbalance"))
    for name, subset in experiment.subsets.items()
}

# name → (category in the report, title, settings, files that it is drawn from)
FIGURES = {
    "accuracy": (
        "Results",
        "Accuracy by size",
        COMMON | {"summary": SUMMARY},
        [SUMMARY],
    ),
    "gains": (
        "Results",
        "Gain over random pairs",
        COMMON | {"comparisons": COMPARISONS},
        [COMPARISONS],
    ),
    "losses": (
        "Training",
        "Training loss and batch accuracy",
        COMMON | {"runs": [f"{folder}/run.json" for folder in PRETRAINED]},
        [f"{folder}/run.json" for folder in PRETRAINED],
    ),
    "pairs": (
        "Data",
        "What each method pairs",
        PAIRS,
        [entry["labels"] for entry in PAIRS["methods"].values() if entry["labels"]],
    ),
    "samples": ("Data", "Stored samples", SAMPLES, []),
    "coverage": (
        "Data",
        "Clips stored and lost",
        COMMON
        | {
            "datasets": list(experiment.datasets),
            "pretraining": experiment.dataset,
            "published": experiment.published(),
        },
        [f"{RESULTS}/tables/coverage.csv"],
    ),
    "timing": (
        "Training",
        "Where the time went",
        {
            "benchmarks": [
                f"{RESULTS}/benchmarks",
                *(f"data/{name}/benchmarks" for name in experiment.datasets),
                "data/downloads/benchmarks",
            ]
        },
        [ACCURACY],
    ),
}

# Figures that not every experiment has.
if "knn" in experiment.evaluation or (
    "retrieval" in experiment.evaluation
    and any(len(task["modalities"]) == 2 for task in experiment.tasks.values())
):
    FIGURES["neighbours"] = (
        "Results",
        "Nearest neighbours and retrieval",
        COMMON | {"summary": SUMMARY},
        [SUMMARY],
    )
if len(BALANCES) > 1:
    FIGURES["balance"] = (
        "Results",
        "Accuracy by balance",
        COMMON | {"summary": SUMMARY, "balance": BALANCE},
        [SUMMARY],
    )
if any("published_task" in task for task in experiment.tasks.values()):
    FIGURES["paper"] = (
        "Results",
        "Published and measured accuracy",
        {"paper": PAPER},
        [PAPER],
    )
if set(PRESETS) & set(experiment.methods):
    FIGURES["published_losses"] = (
        "Training",
        "Training loss and the published one",
        {
            "subsets": SUBSETS,
            "runs": [f"{folder}/run.json" for folder in PRETRAINED],
            "losses": from_here("config/published-losses.csv"),
            "same_dataset": experiment.dataset == "vggsound",
        },
        [
            from_here("config/published-losses.csv"),
            *(f"{folder}/run.json" for folder in PRETRAINED),
        ],
    )
if IN_DOMAIN and SHOWN in PREDICTIONS:
    FIGURES["confusion"] = (
        "Results",
        "What is taken for what",
        CLASSES | {"method": [SHOWN, PREDICTIONS[SHOWN]]},
        [path for paths in PREDICTIONS[SHOWN].values() for path in paths],
    )
if IN_DOMAIN and len(PREDICTIONS) == 2:
    FIGURES["class_gains"] = (
        "Results",
        "Gain of each class",
        CLASSES
        | {
            "method": [SHOWN, PREDICTIONS[SHOWN]],
            "baseline": ["random", PREDICTIONS["random"]],
        },
        [
            path
            for files in PREDICTIONS.values()
            for paths in files.values()
            for path in paths
        ],
    )
if IN_DOMAIN:
    FIGURES["embedding_map"] = (
        "Results",
        "Test clips on a map",
        {"task": IN_DOMAIN, "modality": "audio", "embeddings": MAPPED},
        list(MAPPED.values()),
    )


# Figures of robustness: what an experiment varies decides which of them it has. They show the in-domain task, by video
# where it has any: the positive's video is what methods choose.
SHOWN_MODALITY = experiment.tasks[IN_DOMAIN]["modalities"][-1] if IN_DOMAIN else "audio"
SHOWN_TASK = {"task": IN_DOMAIN, "modality": SHOWN_MODALITY}
TABLES = f"{RESULTS}/tables"
NOISY = [
    run
    for run in experiment.runs()
    if experiment.label_variants.get(run.labels, {}).get("kind") == "noise"
    and OWN_LABELS[run.method] == "true"
]
UNEQUAL = [
    name
    for name, subset in experiment.subsets.items()
    if subset.get("imbalance", 1) > 1
]
BY_CLASS = {
    method: {
        subset: [
            f"{FOLDERS[method, subset]}/seed-{seed}/predictions.parquet"
            for seed in experiment.seeds
        ]
        for subset in UNEQUAL
        if (method, subset) in FOLDERS
    }
    for method in dict.fromkeys(["random", SHOWN])
}
if NOISY and "random" in experiment.methods:
    FIGURES["noise"] = (
        "Robustness",
        "Accuracy against label noise",
        COMMON
        | {
            "robustness": f"{TABLES}/robustness.csv",
            "break_even": f"{TABLES}/break_even.csv",
            "summary": SUMMARY,
        },
        [f"{TABLES}/robustness.csv", f"{TABLES}/break_even.csv", SUMMARY],
    )
if NOISY and UNEQUAL and IN_DOMAIN and "random" in experiment.methods:
    FIGURES["noise_by_imbalance"] = (
        "Robustness",
        "Gain by label noise and imbalance",
        COMMON | SHOWN_TASK | {"robustness": f"{TABLES}/robustness.csv"},
        [f"{TABLES}/robustness.csv"],
    )
if (
    UNEQUAL
    and IN_DOMAIN
    and SHOWN != "random"
    and all(BY_CLASS.get(method) for method in ("random", SHOWN))
):
    FIGURES["class_size"] = (
        "Robustness",
        "Gain of each class by its size",
        COMMON
        | SHOWN_TASK
        | {
            "methods": {SHOWN: BY_CLASS[SHOWN]},
            "baseline": ["random", BY_CLASS["random"]],
        },
        [
            path
            for files in BY_CLASS.values()
            for paths in files.values()
            for path in paths
        ],
    )
if IN_DOMAIN and len(experiment.methods) > 2 and "random" in experiment.methods:
    FIGURES["combinations"] = (
        "Robustness",
        "Gain of every combination",
        COMMON
        | {"task": IN_DOMAIN, "comparisons": COMPARISONS}
        | {
            "methods": {
                name: experiment.method_settings(name, OWN_LABELS[name])
                for name in experiment.methods
            },
            "label_variants": experiment.label_variants,
        },
        [COMPARISONS],
    )
    FIGURES["sampling"] = (
        "Robustness",
        "What is paired, and the gain",
        COMMON
        | SHOWN_TASK
        | {
            "sampling": f"{TABLES}/sampling.csv",
            "comparisons": COMPARISONS,
            "label_variants": experiment.label_variants,
        },
        [f"{TABLES}/sampling.csv", COMPARISONS],
    )
if IN_DOMAIN and len(experiment.tasks[IN_DOMAIN]["modalities"]) == 2:
    FIGURES["geometry"] = (
        "Robustness",
        "How embeddings lie",
        COMMON | {"task": IN_DOMAIN, "geometry": f"{TABLES}/geometry.csv"},
        [f"{TABLES}/geometry.csv"],
    )
if FOLLOWED:
    FIGURES["dynamics"] = (
        "Training",
        "Embeddings along training",
        COMMON | {"dynamics": f"{TABLES}/dynamics.csv"},
        [f"{TABLES}/dynamics.csv"],
    )


# What tables and figures are made of, in files: of thousands of runs, a command line cannot hold it.
PLANS = {
    "tables": {
        "scores": [f"{folder}/scores.csv" for folder in SCORED],
        "runs": [f"{folder}/run.json" for folder in PRETRAINED],
        "geometry": [f"{folder}/geometry.csv" for folder in SEEDED_RUNS],
        "dynamics": [
            {
                "method": run.method,
                "subset": run.subset,
                "labels": run.labels,
                "seed": seed,
                "path": f"{run_folder(run)}/seed-{seed}/dynamics.npz",
            }
            for run in experiment.runs()
            for seed in experiment.seeds
            if FOLLOWED and run.method != "untrained"
        ],
        "sampling": [
            {
                "method": experiment.method_settings(run.method, run.labels),
                "labels": run.labels,
                "label_file": label_file(run.subset, run.labels, seed),
                "subset": run.subset,
                "seed": seed,
            }
            for run in experiment.runs()
            for seed in experiment.seeds
            if run.method != "untrained"
        ],
        "subset_files": SUBSETS,
        "subsets": experiment.subsets,
        "label_variants": experiment.label_variants,
        "own_labels": OWN_LABELS,
        "methods": ["untrained", *experiment.methods, "supervised"],
        "tasks": {
            name: {
                key: task[key]
                for key in ("dataset", "role", "train", "published_task")
                if key in task
            }
            for name, task in experiment.tasks.items()
        },
        "batch_size": experiment.config["pretraining"].get("batch_size", 309),
        "batch_order": experiment.pretrain_settings(LARGEST).get(
            "batch_order", "fresh"
        ),
        "epochs": {
            name: experiment.pretrain_settings(name).get("epochs", 100)
            for name in experiment.subsets
        },
        "data": "data",
        "dataset": experiment.dataset,
        "claims": from_here(config["claims"]),
        "published": from_here("config/published.yaml"),
    }
} | {
    f"figures_{category.lower()}": {
        figure: settings
        for figure, (its, _, settings, _) in FIGURES.items()
        if its == category
    }
    for category in dict.fromkeys(category for category, *_ in FIGURES.values())
}


localrules:
    plan,


rule plan:
    input:
        workflow.source_path("../templates/plan.json"),
    output:
        "results/{experiment}/plan/{part}.json",
    log:
        "results/{experiment}/logs/plan/{part}.log",
    params:
        content=lambda w: json.dumps(PLANS[w.part]),  # keys in the config's order, which is that of the tables
    template_engine:
        "jinja2"


rule tables:
    input:
        plan="results/{experiment}/plan/tables.json",
        scores=expand("{run}/scores.csv", run=SCORED),
        predictions=expand("{run}/predictions.parquet", run=SCORED),
        records=expand("{run}/provenance.json", run=SCORED),
        geometry=PLANS["tables"]["geometry"],
        runs=PLANS["tables"]["runs"],
        dynamics=[entry["path"] for entry in PLANS["tables"]["dynamics"]],
        labels=sorted(
            {
                entry["label_file"]
                for entry in PLANS["tables"]["sampling"]
                if entry["label_file"]
            }
        ),
        subsets=list(SUBSETS.values()),
        datasets=ready([experiment.dataset]),
        claims=PLANS["tables"]["claims"],
        published=PLANS["tables"]["published"],
    output:
        accuracy=report(
            "results/{experiment}/tables/accuracy.csv",
            caption="../report/accuracy_table.rst",
            category="Results",
            labels={"content": "Every score (table)"},
        ),
        summary=report(
            "results/{experiment}/tables/summary.csv",
            caption="../report/summary_table.rst",
            category="Results",
            labels={"content": "Mean and interval over seeds and clips (table)"},
        ),
        comparisons=report(
            "results/{experiment}/tables/comparisons.csv",
            caption="../report/comparisons_table.rst",
            category="Results",
            labels={"content": "Differences to random pairs (table)"},
        ),
        claims=report(
            "results/{experiment}/tables/claims.csv",
            caption="../report/claims_table.rst",
            category="Results",
            labels={"content": "The claims' verdicts (table)"},
        ),
        paper=report(
            "results/{experiment}/tables/paper.csv",
            caption="../report/paper_table.rst",
            category="Results",
            labels={"content": "Published and measured, side by side (table)"},
        ),
        paper_markdown="results/{experiment}/tables/paper.md",
        paper_latex="results/{experiment}/tables/paper.tex",
        provenance="results/{experiment}/provenance/tables.json",
        runs=report(
            "results/{experiment}/tables/runs.csv",
            caption="../report/runs_table.rst",
            category="Training",
            labels={"content": "How each run ended (table)"},
        ),
        metrics=report(
            "results/{experiment}/tables/metrics.csv",
            caption="../report/metrics_table.rst",
            category="Results",
            labels={"content": "Accuracy by balance, rank and class size (table)"},
        ),
        geometry=report(
            "results/{experiment}/tables/geometry.csv",
            caption="../report/geometry_table.rst",
            category="Results",
            labels={"content": "Geometry of the embeddings (table)"},
        ),
        sampling=report(
            "results/{experiment}/tables/sampling.csv",
            caption="../report/sampling_table.rst",
            category="Data",
            labels={"content": "What was paired with what (table)"},
        ),
        dynamics=report(
            "results/{experiment}/tables/dynamics.csv",
            caption="../report/dynamics_table.rst",
            category="Training",
            labels={"content": "Embeddings along training (table)"},
        ),
        robustness=report(
            "results/{experiment}/tables/robustness.csv",
            caption="../report/robustness_table.rst",
            category="Robustness",
            labels={"content": "Gain over random pairs by noise and balance (table)"},
        ),
        break_even=report(
            "results/{experiment}/tables/break_even.csv",
            caption="../report/break_even_table.rst",
            category="Robustness",
            labels={"content": "Noise at which the gain is gone (table)"},
        ),
    log:
        "results/{experiment}/logs/tables.log",
    benchmark:
        "results/{experiment}/benchmarks/tables.tsv"
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("tables", attempt),
        runtime=lambda w, attempt: minutes("tables", attempt),
    params:
        folder="results/{experiment}/tables",
    shell:
        "python -m avbench tables --plan {input.plan:q} --output {params.folder:q} > {log:q} 2>&1"


rule coverage_table:
    input:
        ledgers=expand("data/{dataset}/ledger.parquet", dataset=experiment.datasets),
        coverage=ready(experiment.datasets),
    output:
        table=report(
            "results/{experiment}/tables/coverage.csv",
            caption="../report/coverage_table.rst",
            category="Data",
            labels={"content": "What became of every clip (table)"},
        ),
        provenance="results/{experiment}/provenance/coverage.json",
    log:
        "results/{experiment}/logs/coverage_table.log",
    benchmark:
        "results/{experiment}/benchmarks/coverage_table.tsv"
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("coverage", attempt),
        runtime=lambda w, attempt: minutes("coverage", attempt),
    params:
        datasets=list(experiment.datasets),
    shell:
        "python -m avbench coverage-table --datasets {params.datasets} --output {output.table:q} > {log:q} 2>&1"


# A job draws all figures of a category: of a single one, half the time would go into starting it.
for figure_category in dict.fromkeys(category for category, *_ in FIGURES.values()):
    drawn = {
        figure: parts
        for figure, parts in FIGURES.items()
        if parts[0] == figure_category
    }

    rule:
        name:
            f"figures_{figure_category.lower()}"
        input:
            plan=f"results/{{experiment}}/plan/figures_{figure_category.lower()}.json",
            sources=sorted({path for *_, paths in drawn.values() for path in paths}),
            subsets=list(SUBSETS.values()),
            datasets=ready([experiment.dataset, *task_datasets()]),
        output:
            [
                report(
                    f"results/{{experiment}}/figures/{figure}.png",
                    caption=caption(figure),
                    category=figure_category,
                    labels={"content": title},
                )
                for figure, (_, title, _, _) in drawn.items()
            ],
            [f"results/{{experiment}}/figures/{figure}.pdf" for figure in drawn],
            [
                f"results/{{experiment}}/figures/{figure}.rst"
                for figure in drawn
                if says_what_is_seen(figure)
            ],
        log:
            f"results/{{experiment}}/logs/figures/{figure_category.lower()}.log",
        benchmark:
            f"results/{{experiment}}/benchmarks/figures/{figure_category.lower()}.tsv"
        conda:
            RESULTS_ENV
        threads: 1
        resources:
            mem_mb=lambda w, attempt: memory_mb("figures", attempt),
            runtime=lambda w, attempt: minutes("figures", attempt),
        params:
            folder="results/{experiment}/figures",
        shell:
            "python -m avbench figures --plan {input.plan:q} --output {params.folder:q} > {log:q} 2>&1"


# A rule, so that Snakemake removes what a full disk or a kill has left of it, and the next run makes it.
rule report_page:
    input:
        tables(),
        figures(),
    output:
        "results/{experiment}/report.html",
    log:
        "results/{experiment}/logs/report_page.log",
    run:
        write_report(output[0], input, log[0])
