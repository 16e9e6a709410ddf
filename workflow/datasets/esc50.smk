# ESC-50: the folder of the extracted set, or its archive.

ESC50 = {
    name: experiment.dataset_options(name, "esc50")
    for name in experiment.datasets_of("esc50.smk")
}

for _dataset in ESC50:
    if experiment.modalities(_dataset) != ["audio"]:
        raise UserError(
            f"config: datasets.{_dataset}.modalities must be [audio]: ESC-50 has no video."
        )

# Folds are datasets of their own; what they are taken from is downloaded once.
ESC50_ARCHIVES = [
    _options["archive"] for _options in ESC50.values() if "archive" in _options
]

if any(_archive != ESC50_ARCHIVES[0] for _archive in ESC50_ARCHIVES):
    raise UserError(
        "config: options.archive differs between folds of ESC-50, which is downloaded once for all. Make them equal."
    )


# Nodes of a cluster often have no way out to the network.
localrules:
    esc50_download,


rule esc50_download:
    output:
        # What was downloaded. What was in it is not declared: five folds are read from it.
        "data/downloads/esc50.json",
    log:
        "data/downloads/logs/esc50.log",
    benchmark:
        "data/downloads/benchmarks/esc50_download/esc50.tsv"
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("download", attempt),
        runtime=lambda w, attempt: minutes("download", attempt),
        downloads=1,
    params:
        settings=lambda w: as_json(ESC50_ARCHIVES[0]),
        folder="data/downloads/esc50",
    shell:
        "python -m avbench download-archive --settings {params.settings:q} --directory {params.folder:q}"
        " --output {output:q} > {log:q} 2>&1"


rule esc50_manifest:
    input:
        lambda w: "data/downloads/esc50.json" if "archive" in ESC50[w.dataset] else [],
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/esc50_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/esc50_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(ESC50),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            {"directory": "data/downloads/esc50"}
            | {
                key: value
                for key, value in ESC50[w.dataset].items()
                if key != "archive"
            }
        ),
    shell:
        "python -m avbench manifest --kind esc50 --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
