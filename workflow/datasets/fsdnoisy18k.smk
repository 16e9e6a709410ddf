# FSDnoisy18k: the folder that its archives were extracted to.

FSDNOISY18K = {
    name: experiment.dataset_options(name, "fsdnoisy18k")
    for name in experiment.datasets_of("fsdnoisy18k.smk")
}

for _dataset in FSDNOISY18K:
    if experiment.modalities(_dataset) != ["audio"]:
        raise UserError(
            f"config: datasets.{_dataset}.modalities must be [audio]: FSDnoisy18k has no video."
        )


rule fsdnoisy18k_manifest:
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/fsdnoisy18k_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/fsdnoisy18k_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(FSDNOISY18K),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        settings=lambda w: as_json(FSDNOISY18K[w.dataset]),
    shell:
        "python -m avbench manifest --kind fsdnoisy18k --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
