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


# Parts of the set are datasets of their own; what they are taken from is downloaded once.
FSDNOISY18K_ACCESS = {}  # by record: how to get it
FSDNOISY18K_FOLDERS = {}  # by dataset: where it is unpacked
for _dataset, _options in FSDNOISY18K.items():
    if "zenodo" in _options:
        _access = dict(_options["zenodo"])
        _record = str(_access.pop("record"))
        FSDNOISY18K_FOLDERS[_dataset] = f"data/downloads/fsdnoisy18k-{_record}"
        if FSDNOISY18K_ACCESS.setdefault(_record, _access) != _access:
            raise UserError(
                f"config: datasets.{_dataset}.options.zenodo differs from that of another dataset with record {_record}, "
                "which is downloaded for both. Make them equal."
            )


# Nodes of a cluster often have no way out to the network.
localrules:
    fsdnoisy18k_download,


rule fsdnoisy18k_download:
    output:
        # What was downloaded. The archives and what was in them are not declared: a killed job goes on with them.
        "data/downloads/fsdnoisy18k-{record}.json",
    log:
        "data/downloads/logs/fsdnoisy18k-{record}.log",
    benchmark:
        "data/downloads/benchmarks/fsdnoisy18k_download/{record}.tsv"
    wildcard_constraints:
        record="[0-9]+",
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("download", attempt),
        runtime=lambda w, attempt: minutes("download", attempt),
        downloads=1,
        # A resource and not a parameter: where from and what is kept do not change what is downloaded.
        access=lambda w: as_json(FSDNOISY18K_ACCESS[w.record]),
    params:
        settings=lambda w: as_json({"record": int(w.record)}),
        folder="data/downloads/fsdnoisy18k-{record}",
    shell:
        "python -m avbench zenodo --kind fsdnoisy18k --settings {params.settings:q} --access {resources.access:q}"
        " --directory {params.folder:q} --output {output:q} > {log:q} 2>&1"


rule fsdnoisy18k_manifest:
    input:
        lambda w: (
            f"{FSDNOISY18K_FOLDERS[w.dataset]}.json"
            if w.dataset in FSDNOISY18K_FOLDERS
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
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            {"directory": FSDNOISY18K_FOLDERS.get(w.dataset)}
            | {
                key: value
                for key, value in FSDNOISY18K[w.dataset].items()
                if key != "zenodo"
            }
        ),
    shell:
        "python -m avbench manifest --kind fsdnoisy18k --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
