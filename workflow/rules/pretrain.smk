# Subset and labels → a pretrained model for each method and seed, and the untrained baseline.


rule statistics:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        coverage="data/{dataset}/coverage.json",
    output:
        "results/{experiment}/statistics/{dataset}/{subset}.json",
    params:
        features=as_json(experiment.feature_settings()),
    log:
        "results/{experiment}/logs/statistics/{dataset}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/statistics/{dataset}/{subset}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    shell:
        "python -m avbench statistics --dataset {wildcards.dataset} --subset {input.subset:q}"
        " --features {params.features:q} --output {output:q} > {log:q} 2>&1"


def pairing_labels(wildcards):
    """Return the label file of a method that uses labels, and nothing for one that does not."""
    if wildcards.labels == "none":
        return []
    return experiment.label_file(wildcards.subset, wildcards.labels)


rule pretrain:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        labels=pairing_labels,
        statistics="results/{experiment}/statistics/{dataset}/{subset}.json",
        coverage="data/{dataset}/coverage.json",
    output:
        checkpoint=RUN + "/seed-{seed}/checkpoint.pt",
        metrics=RUN + "/seed-{seed}/metrics.jsonl",
        run=RUN + "/seed-{seed}/run.json",
    params:
        method=lambda w: as_json(experiment.method_settings(w.method)),
        settings=lambda w: as_json(experiment.pretrain_settings(w.subset)),
        features=as_json(experiment.feature_settings()),
        identity=lambda w: as_json(identity(w)),
        labels=lambda w, input: f"--labels {input.labels}" if input.get("labels") else "",
        folder=RUN + "/seed-{seed}",
    log:
        "results/{experiment}/logs/pretrain/{dataset}/{subset}/{labels}/{method}/seed-{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/pretrain/{dataset}/{subset}/{labels}/{method}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=lambda w: 1500 + int(config["pretraining"].get("cache_mb", 0)),
        runtime=720,
        gpu=GPUS,
    shell:
        "python -m avbench pretrain --subset {input.subset:q} {params.labels} --statistics {input.statistics:q}"
        " --method {params.method:q} --settings {params.settings:q} --features {params.features:q}"
        " --identity {params.identity:q} --seed {wildcards.seed} --output {params.folder:q} > {log:q} 2>&1"


rule untrained:
    input:
        statistics="results/{experiment}/statistics/{dataset}/{subset}.json",
    output:
        expand(
            "results/{{experiment}}/runs/{{dataset}}/{{subset}}/none/untrained/seed-{seed}/checkpoint.pt",
            seed=experiment.seeds,
        ),
    params:
        settings=lambda w: as_json(experiment.pretrain_settings(w.subset)),
        features=as_json(experiment.feature_settings()),
        seeds=experiment.seeds,
    log:
        "results/{experiment}/logs/untrained/{dataset}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/untrained/{dataset}/{subset}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    shell:
        "python -m avbench untrained --statistics {input.statistics:q} --settings {params.settings:q}"
        " --features {params.features:q} --seeds {params.seeds} --outputs {output:q} > {log:q} 2>&1"


ruleorder: untrained > pretrain
