# Subset and labels → a pretrained model for each method and seed, and the untrained baseline.


rule statistics:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        stored="data/{dataset}/stored.json",
        encoders=experiment.encoder_files,
    output:
        "results/{experiment}/statistics/{dataset}/{subset}.json",
    log:
        "results/{experiment}/logs/statistics/{dataset}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/statistics/{dataset}/{subset}.tsv"
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("statistics", attempt),
        runtime=lambda w, attempt: minutes("statistics", attempt),
    params:
        features=experiment.statistics_arguments(),
    shell:
        "python -m avbench statistics --dataset {wildcards.dataset} --subset {input.subset:q}"
        " --features {params.features:q} --output {output:q} > {log:q} 2>&1"


# Clips that are embedded along training: without labels, which no run may see.
rule dynamics_clips:
    input:
        ledger=ancient(f"data/{experiment.dataset}/ledger.parquet"),
        stored=f"data/{experiment.dataset}/stored.json",
    output:
        "results/{experiment}/dynamics_clips.csv",
    log:
        "results/{experiment}/logs/dynamics_clips.log",
    benchmark:
        "results/{experiment}/benchmarks/dynamics_clips.tsv"
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("subset", attempt),
        runtime=lambda w, attempt: minutes("subset", attempt),
    params:
        clips=experiment.evaluation.get("dynamics", {}).get("clips", 0),
    shell:
        "python -m avbench dynamics-clips --ledger {input.ledger:q} --clips {params.clips} --output {output:q} > {log:q} 2>&1"


for block in experiment.training_blocks:

    rule:
        name:
            block.rule("pretrain")
        input:
            subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
            labels=partial(pairing_labels, block=block),
            statistics="results/{experiment}/statistics/{dataset}/{subset}.json",
            stored="data/{dataset}/stored.json",
            dynamics_clips=DYNAMICS_CLIPS,
            chosen=trials.choice,
            trials=partial(trials.same, block=block),
            # Weights, and features that were computed before.
            encoders=experiment.encoder_files,
        output:
            expand(
                [paths.DYNAMICS] if DYNAMICS_CLIPS else [],
                seed=block.values,
                allow_missing=True,
            ),
            checkpoints=expand(CHECKPOINT, seed=block.values, allow_missing=True),
            more=expand(
                [paths.METRICS, paths.TIMINGS, paths.RUN_RECORD],
                seed=block.values,
                allow_missing=True,
            ),
        log:
            paths.log(
                "pretrain/{dataset}/{subset}/{labels}/{method}/{budget}", block.name
            ),
        benchmark:
            paths.benchmark(
                "pretrain/{dataset}/{subset}/{labels}/{method}/{budget}", block.name
            )
        wildcard_constraints:
            method="(?!untrained/)[A-Za-z0-9][A-Za-z0-9_-]*",
            seed=block.constraint,
        conda:
            TRAIN_ENV
        threads: THREADS
        resources:
            mem_mb=lambda w, attempt: memory_mb(
                "pretrain", attempt, more_mb=TRAINING_MB
            ),
            runtime=lambda w, attempt, block=block: (
                minutes("pretrain", attempt) * block.count
            ),
            gpu=GPUS,
            # A resource and not a parameter: what does not decide the outcome must not repeat a run.
            machine=MACHINE,
            launcher=LAUNCHER,
        params:
            settings=lambda w: as_json(
                {
                    "method": experiment.method_settings(w.method, w.labels),
                    "pretraining": experiment.pretrain_settings(w.subset, w.budget),
                    "features": experiment.feature_settings(),
                    "identity": identity(w),
                    **experiment.mismatch_settings(w.labels),
                }
            ),
            files=lambda w, input, output, block=block: as_json(
                {
                    "seeds": block.served(w),
                    "subset": input.subset,
                    "labels": pairing_labels(w, block),
                    "statistics": input.statistics,
                    "dynamics_clips": input.get("dynamics_clips") or None,
                    "chosen": (input.get("chosen") or [None])[0],
                    "trials": list(input.get("trials") or []),
                    "outputs": [str(Path(file).parent) for file in output.checkpoints],
                }
            ),
        shell:
            # The process must be the job itself: a shell in between would end at a signal, before training has saved.
            "exec python -m {resources.launcher} pretrain --job {params.settings:q} {params.files:q} --machine {resources.machine:q} > {log:q} 2>&1"


for block in experiment.scoring_blocks:

    rule:
        name:
            block.rule("untrained")
        input:
            statistics="results/{experiment}/statistics/{dataset}/{subset}.json",
            stored="data/{dataset}/stored.json",
            encoders=experiment.encoder_files,
        output:
            expand(
                "results/{{experiment}}/runs/{{dataset}}/{{subset}}/none/untrained/all/seed-{seed}/checkpoint.pt",
                seed=block.values,
            ),
        log:
            paths.log("untrained/{dataset}/{subset}", block.name),
        benchmark:
            paths.benchmark("untrained/{dataset}/{subset}", block.name)
        wildcard_constraints:
            seed=block.constraint,
        conda:
            TRAIN_ENV
        threads: 1
        resources:
            mem_mb=lambda w, attempt: memory_mb("untrained", attempt),
            runtime=lambda w, attempt: minutes("untrained", attempt),
        params:
            settings=lambda w: as_json(
                {
                    "pretraining": experiment.pretrain_settings(w.subset),
                    "features": experiment.feature_settings(),
                }
            ),
            files=lambda w, input, output, block=block: as_json(
                {
                    "seeds": block.served(w),
                    "statistics": input.statistics,
                    "outputs": list(output),
                }
            ),
        shell:
            "python -m avbench untrained --job {params.settings:q} {params.files:q} > {log:q} 2>&1"
