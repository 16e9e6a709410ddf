# Ledger → pretraining subsets: size × class balance, nested by a keyed hash.


rule subset:
    input:
        # The reason why a clip is not stored changes no subset; what is stored is in the other file.
        ledger=ancient(paths.LEDGER),
        stored=paths.STORED,
    output:
        paths.SUBSET,
    log:
        paths.log("subset/{dataset}/{subset}"),
    benchmark:
        paths.benchmark("subset/{dataset}/{subset}")
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("subset", attempt),
        runtime=lambda w, attempt: minutes("subset", attempt),
        # A resource and not a parameter: it decides whether there is an outcome, and not which.
        needs=lambda w: as_json(needs(experiment, w.dataset)),
    params:
        settings=lambda w: as_json(experiment.subset_settings(w.subset)),
    shell:
        "python -m avbench subset --ledger {input.ledger:q} --settings {params.settings:q}"
        " --needs {resources.needs:q} --output {output:q} > {log:q} 2>&1"


# No run is worth anything if it has seen what it is tested on.
rule leaks:
    input:
        subsets=[
            experiment.path(paths.SUBSET, subset=name) for name in experiment.subsets
        ],
        datasets=lambda w: used(),
        ledgers=expand(
            paths.LEDGER,
            dataset=dict.fromkeys([experiment.dataset, *task_datasets()]),
        ),
        manifests=expand(
            paths.MANIFEST,
            dataset=dict.fromkeys([experiment.dataset, *task_datasets()]),
        ),
        duplicates=experiment.path(paths.DUPLICATES),
    output:
        **{
            table.name: report(**reported.shown(table))
            for table in catalogue.of_rule("leaks")
        },
        provenance=paths.fill(paths.TABLE_RECORD, table="leaks"),
    log:
        paths.log("leaks"),
    benchmark:
        paths.benchmark("leaks")
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
        " --output {output.leaks:q} > {log:q} 2>&1"
