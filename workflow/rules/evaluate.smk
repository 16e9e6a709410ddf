# Checkpoints → features of every task's clips → scores of the protocols that look at frozen features; and scores of
# those that train an encoder or a classifier. Beside each score file lies what was said about every test clip.
# A job serves all seeds where, on small models, the start of a process would cost more than its work.


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
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "embed", attempt, stored_clips(input.datasets)
        ),
        runtime=lambda w, attempt: minutes("embed", attempt),
        gpu=min(GPUS, 1),
        device=DEVICE,
    params:
        tasks=as_json(experiment.task_settings()),
        switches=as_json(experiment.evaluation_protocol()),
        cpu_threads=THREADS,
    shell:
        "python -m avbench embed --checkpoints {input.checkpoints:q} --outputs {output:q} --subset {input.subset:q}"
        " --tasks {params.tasks:q} --switches {params.switches:q} --device {resources.device}"
        " --cpu-threads {params.cpu_threads} > {log:q} 2>&1"


rule frozen:
    input:
        embeddings=expand(EMBEDDINGS, seed=experiment.seeds, allow_missing=True),
        datasets=ready(task_datasets()),
    output:
        scores=expand(SCORES, seed=experiment.seeds, allow_missing=True),
        provenance=expand(
            f"{RUN}/seed-{{seed}}/provenance.json",
            seed=experiment.seeds,
            allow_missing=True,
        ),
        predictions=expand(
            f"{RUN}/seed-{{seed}}/predictions.parquet",
            seed=experiment.seeds,
            allow_missing=True,
        ),
        geometry=expand(
            f"{RUN}/seed-{{seed}}/geometry.csv",
            seed=experiment.seeds,
            allow_missing=True,
        ),
    log:
        "results/{experiment}/logs/frozen/{dataset}/{subset}/{labels}/{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/frozen/{dataset}/{subset}/{labels}/{method}.tsv"
    conda:
        RESULTS_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "frozen", attempt, stored_clips(input.datasets)
        ),
        runtime=lambda w, input, attempt: minutes(
            "frozen", attempt, stored_clips(input.datasets)
        ),
    params:
        tasks=as_json(experiment.task_settings()),
        protocols=as_json(experiment.frozen()),
        identity=lambda w: as_json(
            {key: w[key] for key in ("method", "subset", "labels")}
        ),
        seeds=experiment.seeds,
        cpu_threads=THREADS,
    shell:
        "python -m avbench frozen --embeddings {input.embeddings:q} --outputs {output.scores:q} --seeds {params.seeds}"
        " --tasks {params.tasks:q} --protocols {params.protocols:q} --identity {params.identity:q}"
        " --cpu-threads {params.cpu_threads} > {log:q} 2>&1"


rule trained:
    input:
        checkpoint=CHECKPOINT,
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        datasets=ready(task_datasets()),
    output:
        scores=f"{RUN}/seed-{{seed}}/{{protocol}}/scores.csv",
        predictions=f"{RUN}/seed-{{seed}}/{{protocol}}/predictions.parquet",
        provenance=f"{RUN}/seed-{{seed}}/{{protocol}}/provenance.json",
    log:
        "results/{experiment}/logs/{protocol}/{dataset}/{subset}/{labels}/{method}/seed-{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/{protocol}/{dataset}/{subset}/{labels}/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        protocol="linear-sgd|finetune",
    conda:
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, attempt: memory_mb("trained", attempt, more_mb=TRAINING_MB),
        runtime=lambda w, attempt: minutes("trained", attempt),
        gpu=min(GPUS, 1),
        machine=MACHINE,
    params:
        tasks=as_json(experiment.task_settings()),
        switches=as_json(experiment.evaluation_protocol()),
        settings=lambda w: as_json(experiment.training_settings(w.protocol, w.subset)),
        identity=lambda w: as_json(
            {key: w[key] for key in ("method", "subset", "labels")}
        ),
    shell:
        # The process must be the job itself: a shell in between would end at a signal, before training has saved.
        "exec python -m avbench trained --protocol {wildcards.protocol} --checkpoint {input.checkpoint:q} --output {output.scores:q}"
        " --subset {input.subset:q} --tasks {params.tasks:q} --switches {params.switches:q} --settings {params.settings:q}"
        " --identity {params.identity:q} --seed {wildcards.seed} --machine {resources.machine:q} > {log:q} 2>&1"


rule supervised:
    input:
        subset=supervised_subset,
        datasets=lambda w: ready([experiment.tasks[w.task]["dataset"]]),
    output:
        scores=expand(
            "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/scores.csv",
            seed=experiment.seeds,
        ),
        predictions=expand(
            "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/predictions.parquet",
            seed=experiment.seeds,
        ),
        provenance=expand(
            "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/provenance.json",
            seed=experiment.seeds,
        ),
    log:
        "results/{experiment}/logs/supervised/{task}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/supervised/{task}/{subset}.tsv"
    conda:
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, attempt: memory_mb("supervised", attempt, more_mb=TRAINING_MB),
        runtime=lambda w, attempt: minutes("supervised", attempt),
        gpu=min(GPUS, 1),
        machine=MACHINE,
    params:
        seeds=experiment.seeds,
        task=lambda w: as_json(experiment.task_settings(w.task)),
        switches=as_json(experiment.evaluation_protocol()),
        settings=lambda w: as_json(experiment.training_settings("supervised", w.subset)),
        features=as_json(experiment.feature_settings()),
        subset=lambda w, input: (
            f"--subset {input.subset}" if input.get("subset") else ""
        ),
    shell:
        # The process must be the job itself: a shell in between would end at a signal, before training has saved.
        "exec python -m avbench supervised --task {params.task:q} {params.subset} --subset-name {wildcards.subset}"
        " --switches {params.switches:q} --settings {params.settings:q} --features {params.features:q}"
        " --seeds {params.seeds} --outputs {output.scores:q} --machine {resources.machine:q} > {log:q} 2>&1"
