# Checkpoints → features of every task's clips → scores. A job serves all seeds of a method: on small models the start
# of a process would cost more than its work.


rule embed:
    input:
        checkpoints=expand(CHECKPOINT, seed=experiment.seeds, allow_missing=True),
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        datasets=ready(task_datasets()),
    output:
        expand(EMBEDDINGS, seed=experiment.seeds, allow_missing=True),
    log:
        "results/{experiment}/logs/embed/{dataset}/{subset}/{labels}/{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/embed/{dataset}/{subset}/{labels}/{method}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=3000,
        runtime=240,
        gpu=GPUS,
        device=DEVICE,
    params:
        tasks=as_json(experiment.tasks),
        cpu_threads=THREADS,
    shell:
        "python -m avbench embed --checkpoints {input.checkpoints:q} --outputs {output:q} --subset {input.subset:q}"
        " --tasks {params.tasks:q} --device {resources.device} --cpu-threads {params.cpu_threads} > {log:q} 2>&1"


rule probe:
    input:
        embeddings=expand(EMBEDDINGS, seed=experiment.seeds, allow_missing=True),
        datasets=ready(task_datasets()),
    output:
        expand(SCORES, seed=experiment.seeds, allow_missing=True),
    log:
        "results/{experiment}/logs/probe/{dataset}/{subset}/{labels}/{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/probe/{dataset}/{subset}/{labels}/{method}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        tasks=as_json(experiment.tasks),
        settings=as_json(config["probe"]),
        identity=lambda w: as_json(
            {key: w[key] for key in ("method", "subset", "labels")}
        ),
        seeds=experiment.seeds,
    shell:
        "python -m avbench probe --embeddings {input.embeddings:q} --outputs {output:q} --seeds {params.seeds}"
        " --tasks {params.tasks:q} --settings {params.settings:q} --identity {params.identity:q} > {log:q} 2>&1"


rule supervised:
    input:
        subset=supervised_subset,
        datasets=lambda w: ready([experiment.tasks[w.task]["dataset"]]),
    output:
        expand(
            "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/scores.csv",
            seed=experiment.seeds,
        ),
    log:
        "results/{experiment}/logs/supervised/{task}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/supervised/{task}/{subset}.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=3000,
        runtime=720,
        gpu=GPUS,
        device=DEVICE,
    params:
        seeds=experiment.seeds,
        task=lambda w: as_json({w.task: experiment.tasks[w.task]}),
        settings=lambda w: as_json(experiment.supervised_settings(w.subset)),
        features=as_json(experiment.feature_settings()),
        subset=lambda w, input: (
            f"--subset {input.subset}" if input.get("subset") else ""
        ),
    shell:
        "python -m avbench supervised --task {params.task:q} {params.subset} --subset-name {wildcards.subset}"
        " --settings {params.settings:q} --features {params.features:q} --seeds {params.seeds} --outputs {output:q}"
        " --device {resources.device} > {log:q} 2>&1"
