# Trials of every method, equally many → the setting that its runs are trained with, chosen on validation clips alone.

from avbench.plan.seed_blocks import SeedBlock
from avbench.plan.trials import Trials

trials = Trials(experiment)


rule trial:
    input:
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        labels=partial(pairing_labels, block=SeedBlock(None)),
        statistics="results/{experiment}/statistics/{dataset}/{subset}.json",
        stored="data/{dataset}/stored.json",
        dynamics_clips=DYNAMICS_CLIPS,
        encoders=experiment.encoder_files,
    output:
        checkpoint=paths.TRIAL_CHECKPOINT,
        more=[
            f"{paths.TRIAL}/{file}"
            for file in ("metrics.jsonl", "timings.jsonl", "run.json")
        ],
    log:
        paths.log(
            "trial/{dataset}/{subset}/{labels}/{method}/{budget}/{trial}/seed-{seed}"
        ),
    benchmark:
        paths.benchmark(
            "trial/{dataset}/{subset}/{labels}/{method}/{budget}/{trial}/seed-{seed}"
        )
    conda:
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, attempt: memory_mb("pretrain", attempt, more_mb=TRAINING_MB),
        runtime=lambda w, attempt: minutes("pretrain", attempt),
        gpu=GPUS,
        machine=MACHINE,
        launcher=LAUNCHER,
    params:
        settings=lambda w: as_json(
            {
                "method": experiment.method_settings(w.method, w.labels),
                "pretraining": trials.settings(w),
                "features": experiment.feature_settings(),
                "identity": identity(w),
                "trial": True,
            }
        ),
        files=lambda w, input, output: as_json(
            {
                "seeds": [int(w.seed)],
                "subset": input.subset,
                "labels": pairing_labels(w, SeedBlock(None)),
                "statistics": input.statistics,
                "dynamics_clips": input.get("dynamics_clips") or None,
                "outputs": [str(Path(output.checkpoint).parent)],
            }
        ),
    shell:
        # The process must be the job itself: a shell in between would end at a signal, before training has saved.
        "exec python -m {resources.launcher} pretrain --job {params.settings:q} {params.files:q} --machine {resources.machine:q} > {log:q} 2>&1"


# A job embeds all trials of a choice, so that clips are decoded once.
rule tune:
    input:
        checkpoints=trials.checkpoints,
        subset="results/{experiment}/subsets/{dataset}/{subset}.csv",
        datasets=ready([experiment.dataset]),
        encoders=experiment.encoder_files,
    output:
        trials=paths.TRIALS,
        choice=paths.CHOICE,
        provenance=paths.TUNING_RECORD,
    log:
        paths.log("tune/{dataset}/{subset}/{labels}/{method}/{budget}"),
    benchmark:
        paths.benchmark("tune/{dataset}/{subset}/{labels}/{method}/{budget}")
    conda:
        TRAIN_ENV
    threads: THREADS
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "tune", attempt, stored_clips(input.datasets)
        ),
        runtime=lambda w, input, attempt: minutes(
            "tune", attempt, stored_clips(input.datasets)
        ),
        gpu=min(GPUS, 1),
        device=DEVICE,
    params:
        settings=as_json(trials.scoring()),
        files=lambda w, input, output: as_json(
            {
                "checkpoints": list(input.checkpoints),
                "subset": input.subset,
                "trials": output.trials,
                "choice": output.choice,
            }
        ),
    shell:
        "python -m avbench tune --job {params.settings:q} {params.files:q} --device {resources.device} > {log:q} 2>&1"
