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
        "results/{experiment}/logs/embed/{dataset}/{subset}/{labels}/{method}/{budget}.log",
    benchmark:
        "results/{experiment}/benchmarks/embed/{dataset}/{subset}/{labels}/{method}/{budget}.tsv"
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
        settings=as_json(
            {
                "tasks": experiment.task_settings(),
                "switches": experiment.evaluation_protocol(),
                "cpu_threads": THREADS,
            }
        ),
        files=lambda w, input, output: as_json(
            {
                "checkpoints": list(input.checkpoints),
                "subset": input.subset,
                "outputs": list(output),
            }
        ),
    shell:
        "python -m avbench embed --job {params.settings:q} {params.files:q} --device {resources.device} > {log:q} 2>&1"


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
        "results/{experiment}/logs/frozen/{dataset}/{subset}/{labels}/{method}/{budget}.log",
    benchmark:
        "results/{experiment}/benchmarks/frozen/{dataset}/{subset}/{labels}/{method}/{budget}.tsv"
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
        settings=lambda w: as_json(
            {
                "seeds": experiment.seeds,
                "tasks": experiment.task_settings(),
                "protocols": experiment.frozen(),
                "identity": {
                    key: w[key] for key in ("method", "subset", "labels", "budget")
                },
                "cpu_threads": THREADS,
            }
        ),
        files=lambda w, input, output: as_json(
            {"embeddings": list(input.embeddings), "outputs": list(output.scores)}
        ),
    shell:
        "python -m avbench frozen --job {params.settings:q} {params.files:q} > {log:q} 2>&1"


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
        "results/{experiment}/logs/{protocol}/{dataset}/{subset}/{labels}/{method}/{budget}/seed-{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/{protocol}/{dataset}/{subset}/{labels}/{method}/{budget}/seed-{seed}.tsv"
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
        settings=lambda w: as_json(
            {
                "protocol": w.protocol,
                "tasks": experiment.task_settings(),
                "switches": experiment.evaluation_protocol(),
                "settings": experiment.training_settings(w.protocol, w.subset),
                "seed": int(w.seed),
                "identity": {
                    key: w[key] for key in ("method", "subset", "labels", "budget")
                },
            }
        ),
        files=lambda w, input, output: as_json(
            {
                "checkpoint": input.checkpoint,
                "subset": input.subset,
                "output": output.scores,
            }
        ),
    shell:
        # The process must be the job itself: a shell in between would end at a signal, before training has saved.
        "exec python -m avbench trained --job {params.settings:q} {params.files:q} --machine {resources.machine:q} > {log:q} 2>&1"


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
        settings=lambda w: as_json(
            {
                "task": experiment.task_settings(w.task),
                "subset_name": w.subset,
                "switches": experiment.evaluation_protocol(),
                "settings": experiment.training_settings("supervised", w.subset),
                "features": experiment.feature_settings(),
                "seeds": experiment.seeds,
            }
        ),
        files=lambda w, input, output: as_json(
            {
                "subset": input.get("subset") or None,
                "outputs": list(output.scores),
            }
        ),
    shell:
        # The process must be the job itself: a shell in between would end at a signal, before training has saved.
        "exec python -m avbench supervised --job {params.settings:q} {params.files:q} --machine {resources.machine:q} > {log:q} 2>&1"
