# Checkpoints → features of every task's clips → scores of the protocols that look at frozen features. Beside each score
# file lies what was said about every test clip.
# A rule for each block of seeds: avbench/plan/seed_blocks.py.


for block in experiment.scoring_blocks:

    rule:
        name:
            block.rule("embed")
        input:
            checkpoints=expand(CHECKPOINT, seed=block.values, allow_missing=True),
            subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
            datasets=lambda w: used(),
            encoders=experiment.encoder_files,
        output:
            expand(EMBEDDINGS, seed=block.values, allow_missing=True),
        log:
            paths.log("embed/{dataset}/{subset}/{labels}/{method}/{budget}", block.name),
        benchmark:
            paths.benchmark(
                "embed/{dataset}/{subset}/{labels}/{method}/{budget}", block.name
            )
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
            datasets=lambda w: used(),
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
            paths.log(
                "frozen/{dataset}/{subset}/{labels}/{method}/{budget}", block.name
            ),
        benchmark:
            paths.benchmark(
                "frozen/{dataset}/{subset}/{labels}/{method}/{budget}", block.name
            )
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
                        key: w[key] for key in ("method", "subset", "labels", "budget")
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
