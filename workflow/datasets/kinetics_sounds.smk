# Kinetics-Sounds: Kinetics-400's lists, and clips from wherever the dataset's sources say.

KINETICS_SOUNDS = {
    name: experiment.dataset_options(name, "kinetics_sounds")
    for name in experiment.datasets_of("kinetics_sounds.smk")
}


rule kinetics_sounds_manifest:
    input:
        lambda w: KINETICS_SOUNDS[w.dataset]["lists"],
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/kinetics_sounds_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/kinetics_sounds_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(KINETICS_SOUNDS),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(KINETICS_SOUNDS[w.dataset]),
    shell:
        "python -m avbench manifest --kind kinetics_sounds --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
