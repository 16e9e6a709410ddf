# Ledger → pretraining subsets: size × class balance, nested by a keyed hash.


rule subset:
    input:
        ledger="data/{dataset}/ledger.parquet",
        coverage="data/{dataset}/coverage.json",
    output:
        "results/{experiment}/subsets/{dataset}/{subset}.csv",
    log:
        "results/{experiment}/logs/subset/{dataset}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/subset/{dataset}/{subset}.tsv"
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("subset", attempt),
        runtime=lambda w, attempt: minutes("subset", attempt),
    params:
        settings=lambda w: as_json(experiment.subset_settings(w.subset)),
    shell:
        "python -m avbench subset --ledger {input.ledger:q} --settings {params.settings:q} --output {output:q}"
        " > {log:q} 2>&1"


# No run is worth anything if it has seen what it is tested on.
rule leaks:
    input:
        subsets=expand(
            f"results/{{{{experiment}}}}/subsets/{experiment.dataset}/{{subset}}.csv",
            subset=experiment.subsets,
        ),
        datasets=ready([experiment.dataset, *task_datasets()]),
        ledgers=expand(
            "data/{dataset}/ledger.parquet",
            dataset=dict.fromkeys([experiment.dataset, *task_datasets()]),
        ),
        manifests=expand(
            "data/{dataset}/clips.csv",
            dataset=dict.fromkeys([experiment.dataset, *task_datasets()]),
        ),
        duplicates=f"data/{experiment.dataset}/duplicates.csv",
    output:
        table=report(
            "results/{experiment}/tables/leaks.csv",
            caption="../report/leaks_table.rst",
            category="Data",
            labels={"content": "Test clips in pretraining subsets (table)"},
        ),
        provenance="results/{experiment}/provenance/leaks.json",
    log:
        "results/{experiment}/logs/leaks.log",
    benchmark:
        "results/{experiment}/benchmarks/leaks.tsv"
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "leaks", attempt, stored_clips(input.datasets)
        ),
        runtime=lambda w, attempt: minutes("leaks", attempt),
    params:
        dataset=experiment.dataset,
        tasks=as_json(experiment.task_settings()),
    shell:
        "python -m avbench leaks --dataset {params.dataset} --subsets {input.subsets:q} --tasks {params.tasks:q}"
        " --output {output.table:q} > {log:q} 2>&1"
