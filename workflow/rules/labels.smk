# Subset → labels used for pairing: the true ones, or a variant. Probes never see these.

VARIANTS = ["true", *experiment.label_variants]
PSEUDO = [
    name
    for name, variant in experiment.label_variants.items()
    if variant["kind"] == "pseudo"
]
DERIVED = [name for name in VARIANTS if experiment.first_round(name)]
DRAWN = [name for name in VARIANTS if experiment.drawn(name)]


rule labels:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        stored="data/{dataset}/stored.json",
        matrix=lambda w: (
            experiment.label_settings(w.labels)["matrix"]
            if "matrix" in experiment.label_settings(w.labels)
            else []
        ),
    output:
        "results/{experiment}/labels/{dataset}/{subset}/{labels}.csv",
    log:
        "results/{experiment}/logs/labels/{dataset}/{subset}/{labels}.log",
    benchmark:
        "results/{experiment}/benchmarks/labels/{dataset}/{subset}/{labels}.tsv"
    wildcard_constraints:
        labels="|".join(
            name for name in VARIANTS if name not in [*PSEUDO, *DERIVED, *DRAWN]
        ),
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("labels", attempt),
        runtime=lambda w, attempt: minutes("labels", attempt),
    params:
        settings=lambda w: as_json(experiment.label_settings(w.labels, w.get("seed"))),
    shell:
        "python -m avbench labels --subset {input.subset:q} --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"


# A job per seed, so that a further seed draws its own labels and touches no other's.
use rule labels as drawn_labels with:
    output:
        "results/{experiment}/labels/{dataset}/{subset}/{labels}/seed-{seed}.csv",
    log:
        "results/{experiment}/logs/labels/{dataset}/{subset}/{labels}/seed-{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/labels/{dataset}/{subset}/{labels}/seed-{seed}.tsv"
    wildcard_constraints:
        labels="|".join(name for name in DRAWN if name not in PSEUDO) or "(?!)",  # matches nothing


rule pseudo_labels:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        stored="data/{dataset}/stored.json",
        # What classifies: a dataset to train on, or a file of weights. Published weights are neither.
        training=lambda w: ready(
            filter(
                None, [experiment.label_settings(w.labels).get("classifier_dataset")]
            )
        ),
        weights=lambda w: [
            path
            for path in [experiment.label_settings(w.labels).get("weights", "")]
            if Path(path).is_file()
        ],
    output:
        labels="results/{experiment}/labels/{dataset}/{subset}/{labels}.csv",
        confidence="results/{experiment}/labels/{dataset}/{subset}/{labels}.confidence.csv",
        summary="results/{experiment}/labels/{dataset}/{subset}/{labels}.json",
    log:
        "results/{experiment}/logs/pseudo_labels/{dataset}/{subset}/{labels}.log",
    benchmark:
        "results/{experiment}/benchmarks/pseudo_labels/{dataset}/{subset}/{labels}.tsv"
    wildcard_constraints:
        labels="|".join(name for name in PSEUDO if name not in DRAWN) or "(?!)",
    conda:
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, attempt: memory_mb("pseudo_labels", attempt),
        runtime=lambda w, attempt: minutes("pseudo_labels", attempt),
        gpu=min(GPUS, 1),
        device=DEVICE,
    params:
        settings=lambda w: as_json(
            {
                "dataset": w.dataset,
                "settings": experiment.label_settings(w.labels, w.get("seed")),
                "cpu_threads": THREADS,
            }
        ),
        files=lambda w, input, output: as_json(
            {
                "subset": input.subset,
                **{name: output[name] for name in ("labels", "confidence", "summary")},
            }
        ),
    shell:
        "python -m avbench pseudo-labels --job {params.settings:q} {params.files:q} --device {resources.device} > {log:q} 2>&1"


# By a classifier that is trained for each seed.
use rule pseudo_labels as drawn_pseudo_labels with:
    output:
        labels="results/{experiment}/labels/{dataset}/{subset}/{labels}/seed-{seed}.csv",
        confidence="results/{experiment}/labels/{dataset}/{subset}/{labels}/seed-{seed}.confidence.csv",
        summary="results/{experiment}/labels/{dataset}/{subset}/{labels}/seed-{seed}.json",
    log:
        "results/{experiment}/logs/pseudo_labels/{dataset}/{subset}/{labels}/seed-{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/pseudo_labels/{dataset}/{subset}/{labels}/seed-{seed}.tsv"
    wildcard_constraints:
        labels="|".join(name for name in PSEUDO if name in DRAWN) or "(?!)",


# Labels that a first round makes: each seed's from the model of that seed.
for block in experiment.scoring_blocks:

    rule:
        name:
            block.rule("derived_labels")
        input:
            checkpoints=partial(first_round, block=block),
            subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
            stored="data/{dataset}/stored.json",
            encoders=experiment.encoder_files,
        output:
            labels=expand(
                "results/{{experiment}}/labels/{{dataset}}/{{subset}}/{{labels}}/seed-{seed}.csv",
                seed=block.values,
            ),
            summaries=expand(
                "results/{{experiment}}/labels/{{dataset}}/{{subset}}/{{labels}}/seed-{seed}.json",
                seed=block.values,
            ),
            provenance=expand(
                "results/{{experiment}}/provenance/labels/{{dataset}}/{{subset}}/{{labels}}/seed-{seed}.json",
                seed=block.values,
            ),
        log:
            paths.log("derived_labels/{dataset}/{subset}/{labels}", block.name),
        benchmark:
            paths.benchmark("derived_labels/{dataset}/{subset}/{labels}", block.name)
        wildcard_constraints:
            labels="|".join(DERIVED) or "(?!)",  # matches nothing
            seed=block.constraint,
        conda:
            TRAIN_ENV
        threads: THREADS
        resources:
            mem_mb=lambda w, input, attempt, block=block: memory_mb(
                "derived_labels", attempt, stored_clips([input.stored]) * block.count
            ),
            runtime=lambda w, attempt: minutes("derived_labels", attempt),
            gpu=min(GPUS, 1),
            device=DEVICE,
        params:
            settings=lambda w: as_json(
                {
                    "dataset": w.dataset,
                    "settings": experiment.label_settings(w.labels),
                    "cpu_threads": THREADS,
                }
            ),
            files=lambda w, input, output, block=block: as_json(
                {
                    "seeds": block.served(w),
                    "subset": input.subset,
                    "checkpoints": list(input.checkpoints),
                    "outputs": list(output.labels),
                    "summaries": list(output.summaries),
                }
            ),
        shell:
            "python -m avbench derived-labels --job {params.settings:q} {params.files:q} --device {resources.device} > {log:q} 2>&1"
