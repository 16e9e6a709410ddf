# UCF101: the folder of the extracted videos and official splits.

UCF101 = {
    name: experiment.dataset_options(name, "ucf101")
    for name in experiment.datasets_of("ucf101.smk")
}

for _dataset, _options in UCF101.items():
    if _options.get("classes", "sound") == "all" and "audio" in experiment.modalities(
        _dataset
    ):
        raise UserError(
            f"config: datasets.{_dataset}.modalities must be [video] with options.classes: all: half of UCF101 is silent."
        )


rule ucf101_manifest:
    input:
        [],
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/ucf101_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/ucf101_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(UCF101),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("folder_manifest", attempt),
        runtime=lambda w, attempt: minutes("folder_manifest", attempt),
    params:
        settings=lambda w: as_json(UCF101[w.dataset]),
    shell:
        "python -m avbench manifest --kind ucf101 --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
