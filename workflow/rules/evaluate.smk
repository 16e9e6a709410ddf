# Checkpoints → features of every task's clips → scores of the protocols that look at frozen features; and scores of
# those that train an encoder or a classifier. Beside each score file lies what was said about every test clip.
# A rule for each block of seeds: avbench/plan/seed_blocks.py.


for block in experiment.scoring_blocks:

    rule:
        name:
            block.rule("embed")
        input:
            checkpoints=expand(CHECKPOINT, seed=block.values, allow_missing=True),
            subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
            datasets=ready(task_datasets()),
        output:
            expand(EMBEDDINGS, seed=block.values, allow_missing=True),
        log:
            paths.log("embed/{dataset}/{subset}/{labels}/{method}/" + block.name)
        benchmark:
            paths.benchmark("embed/{dataset}/{subset}/{labels}/{method}/" + block.name)
        wildcard_constraints:
            seed=block.constraint,
        conda:
            TRAIN_ENV
        threads: THREADS
        resources:
            mem_mb=lambda w, input, attempt, block=block: memory_mb(
                "embed", attempt, stored_clips(input.datasets) * block.count
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


for block in experiment.scoring_blocks:

    rule:
        name:
            block.rule("frozen")
        input:
            embeddings=expand(EMBEDDINGS, seed=block.values, allow_missing=True),
            datasets=ready(task_datasets()),
        output:
            scores=expand(SCORES, seed=block.values, allow_missing=True),
            provenance=expand(
                f"{RUN}/seed-{{seed}}/provenance.json",
                seed=block.values,
                allow_missing=True,
            ),
            predictions=expand(
                f"{RUN}/seed-{{seed}}/predictions.parquet",
                seed=block.values,
                allow_missing=True,
            ),
            geometry=expand(
                f"{RUN}/seed-{{seed}}/geometry.csv",
                seed=block.values,
                allow_missing=True,
            ),
        log:
            paths.log("frozen/{dataset}/{subset}/{labels}/{method}/" + block.name)
        benchmark:
            paths.benchmark("frozen/{dataset}/{subset}/{labels}/{method}/" + block.name)
        wildcard_constraints:
            seed=block.constraint,
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
                    "tasks": experiment.task_settings(),
                    "protocols": experiment.frozen(),
                    "identity": {
                        key: w[key] for key in ("method", "subset", "labels")
                    },
                    "cpu_threads": THREADS,
                }
            ),
            files=lambda w, input, output, block=block: as_json(
                {
                    "seeds": block.served(w),
                    "embeddings": list(input.embeddings),
                    "outputs": list(output.scores),
                }
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
        settings=lambda w: as_json(
            {
                "protocol": w.protocol,
                "tasks": experiment.task_settings(),
                "switches": experiment.evaluation_protocol(),
                "settings": experiment.training_settings(w.protocol, w.subset),
                "seed": int(w.seed),
                "identity": {key: w[key] for key in ("method", "subset", "labels")},
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


for block in experiment.training_blocks:

    rule:
        name:
            block.rule("supervised")
        input:
            subset=supervised_subset,
            datasets=lambda w: ready([experiment.tasks[w.task]["dataset"]]),
        output:
            scores=expand(
                "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/scores.csv",
                seed=block.values,
            ),
            predictions=expand(
                "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/predictions.parquet",
                seed=block.values,
            ),
            provenance=expand(
                "results/{{experiment}}/supervised/{{task}}/{{subset}}/seed-{seed}/provenance.json",
                seed=block.values,
            ),
        log:
            paths.log("supervised/{task}/{subset}/" + block.name)
        benchmark:
            paths.benchmark("supervised/{task}/{subset}/" + block.name)
        wildcard_constraints:
            seed=block.constraint,
        conda:
            TRAIN_ENV
        threads: THREADS
        resources:
            mem_mb=lambda w, attempt: memory_mb(
                "supervised", attempt, more_mb=TRAINING_MB
            ),
            runtime=lambda w, attempt, block=block: (
                minutes("supervised", attempt) * block.count
            ),
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
                }
            ),
            files=lambda w, input, output, block=block: as_json(
                {
                    "seeds": block.served(w),
                    "subset": input.get("subset") or None,
                    "outputs": list(output.scores),
                }
            ),
        shell:
            # The process must be the job itself: a shell in between would end at a signal, before training has saved.
            "exec python -m avbench supervised --job {params.settings:q} {params.files:q} --machine {resources.machine:q} > {log:q} 2>&1"
