# FSDnoisy18k: its archives on Zenodo, or the folder of what was in them.

FSDNOISY18K = {
    name: experiment.dataset_options(name, "fsdnoisy18k")
    for name in experiment.datasets_of("fsdnoisy18k.smk")
}

for _dataset in FSDNOISY18K:
    if experiment.modalities(_dataset) != ["audio"]:
        raise UserError(
            f"config: datasets.{_dataset}.modalities must be [audio]: FSDnoisy18k has no video."
        )


# Nodes of a cluster often have no way out to the network.
localrules:
    fsdnoisy18k_download,


rule fsdnoisy18k_download:
    output:
        # What was downloaded. The archives and what was in them are not declared: a killed job goes on with them.
        "data/{dataset}/download.json",
    log:
        "data/{dataset}/logs/fsdnoisy18k_download.log",
    benchmark:
        "data/{dataset}/benchmarks/fsdnoisy18k_download.tsv"
    wildcard_constraints:
        dataset="|".join(FSDNOISY18K),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("download", attempt),
        runtime=lambda w, attempt: minutes("download", attempt),
        downloads=1,
        # A resource and not a parameter: where from and what is kept do not change what is downloaded.
        access=lambda w: as_json(
            {
                key: value
                for key, value in FSDNOISY18K[w.dataset]["zenodo"].items()
                if key != "record"
            }
        ),
    params:
        settings=lambda w: as_json(
            {
                key: value
                for key, value in FSDNOISY18K[w.dataset]["zenodo"].items()
                if key == "record"
            }
        ),
        folder="data/{dataset}/download",
    shell:
        "python -m avbench zenodo --kind fsdnoisy18k --settings {params.settings:q} --access {resources.access:q}"
        " --directory {params.folder:q} --output {output:q} > {log:q} 2>&1"


rule fsdnoisy18k_manifest:
    input:
        lambda w: (
            f"data/{w.dataset}/download.json"
            if "zenodo" in FSDNOISY18K[w.dataset]
            else []
        ),
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
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            {"directory": f"data/{w.dataset}/download"}
            | {
                key: value
                for key, value in FSDNOISY18K[w.dataset].items()
                if key != "zenodo"
            }
        ),
    shell:
        "python -m avbench manifest --kind fsdnoisy18k --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
