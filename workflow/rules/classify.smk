# Scores of what is trained on a task's labels: a classifier on a run's encoders, alone or with them; and the supervised
# baseline. Beside each score file lies what was said about every test clip.


rule trained:
    input:
        checkpoint=CHECKPOINT,
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        datasets=lambda w: used(),
        encoders=experiment.encoder_files,
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
                "tasks": experiment.task_settings(*experiment.classified()),
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


for block in experiment.training_blocks:

    rule:
        name:
            block.rule("supervised")
        input:
            subset=supervised_subset,
            datasets=lambda w: ready(
                [experiment.dataset, experiment.tasks[w.task]["dataset"]]
            ),
            encoders=experiment.encoder_files,
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
            paths.log("supervised/{task}/{subset}", block.name),
        benchmark:
            paths.benchmark("supervised/{task}/{subset}", block.name)
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
