# Scores → tables, claims, figures. Snakemake's own report collects what is marked with report().

from avbench.methods import PRESETS

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
COMMON = {"data": "data", "subsets": SUBSETS, "tasks": experiment.tasks}
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
            "method": experiment.method_settings(name),
            "labels": (
                None
                if method.labels == "none"
                else experiment.label_file(LARGEST, method.labels)
            ),
        }
        for name, method in experiment.methods.items()
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
FOLDERS = {(run.method, run.subset): run_folder(run) for run in experiment.runs()}
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
    if method in experiment.methods
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
            "losses": str(experiment.root / "config" / "published-losses.csv"),
            "same_dataset": experiment.dataset == "vggsound",
        },
        [
            str(experiment.root / "config" / "published-losses.csv"),
            *(f"{folder}/run.json" for folder in PRETRAINED),
        ],
    )
if IN_DOMAIN and "linear" in experiment.evaluation:
    FIGURES["confusion"] = (
        "Results",
        "What is taken for what",
        CLASSES | {"method": [SHOWN, PREDICTIONS[SHOWN]]},
        [path for paths in PREDICTIONS[SHOWN].values() for path in paths],
    )
if IN_DOMAIN and "linear" in experiment.evaluation and len(PREDICTIONS) == 2:
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


rule tables:
    input:
        scores=expand("{run}/scores.csv", run=SCORED),
        predictions=expand("{run}/predictions.parquet", run=SCORED),
        runs=expand("{run}/run.json", run=PRETRAINED),
        claims=str(experiment.root / config["claims"]),
        published=str(experiment.root / "config" / "published.yaml"),
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
        runs=report(
            "results/{experiment}/tables/runs.csv",
            caption="../report/runs_table.rst",
            category="Training",
            labels={"content": "How each run ended (table)"},
        ),
    log:
        "results/{experiment}/logs/tables.log",
    benchmark:
        "results/{experiment}/benchmarks/tables.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        order=as_json(
            {
                "methods": ["untrained", *experiment.methods, "supervised"],
                "tasks": list(experiment.tasks),
                "subsets": list(experiment.subsets),
            }
        ),
        tasks=as_json(
            {
                name: {
                    key: task[key]
                    for key in ("dataset", "role", "published_task")
                    if key in task
                }
                for name, task in experiment.tasks.items()
            }
        ),
        folder="results/{experiment}/tables",
    shell:
        "python -m avbench tables --scores {input.scores:q} --runs {input.runs:q} --order {params.order:q}"
        " --tasks {params.tasks:q} --claims {input.claims:q} --published {input.published:q}"
        " --output {params.folder:q} > {log:q} 2>&1"


rule coverage_table:
    input:
        ledgers=expand("data/{dataset}/ledger.parquet", dataset=experiment.datasets),
        coverage=ready(experiment.datasets),
    output:
        report(
            "results/{experiment}/tables/coverage.csv",
            caption="../report/coverage_table.rst",
            category="Data",
            labels={"content": "What became of every clip (table)"},
        ),
    log:
        "results/{experiment}/logs/coverage_table.log",
    benchmark:
        "results/{experiment}/benchmarks/coverage_table.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        datasets=list(experiment.datasets),
    shell:
        "python -m avbench coverage-table --datasets {params.datasets} --output {output:q} > {log:q} 2>&1"


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
            sources=sorted({path for *_, paths in drawn.values() for path in paths}),
            subsets=list(SUBSETS.values()),
            datasets=ready([experiment.dataset, *task_datasets()]),
        output:
            [
                report(
                    f"results/{{experiment}}/figures/{figure}.png",
                    caption=f"../report/{figure}.rst",
                    category=figure_category,
                    labels={"content": title},
                )
                for figure, (_, title, _, _) in drawn.items()
            ],
            [f"results/{{experiment}}/figures/{figure}.pdf" for figure in drawn],
        log:
            f"results/{{experiment}}/logs/figures/{figure_category.lower()}.log",
        benchmark:
            f"results/{{experiment}}/benchmarks/figures/{figure_category.lower()}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            settings=as_json(
                {figure: settings for figure, (_, _, settings, _) in drawn.items()}
            ),
            folder="results/{experiment}/figures",
        shell:
            "python -m avbench figures --settings {params.settings:q} --output {params.folder:q} > {log:q} 2>&1"


# Runs only after every job has ended well. The report is made anew when a table or figure is younger than it.
onsuccess:
    write_report()
