# TAU Urban Audio-Visual Scenes 2021 (development): its archives on Zenodo, or the folder of what was in them.

TAU_AV = {
    name: experiment.dataset_options(name, "tau_av")
    for name in experiment.datasets_of("tau_av.smk")
}

for _dataset, _options in TAU_AV.items():
    _media = _options.get("media", "audio")
    if experiment.modalities(_dataset) != [_media]:
        raise UserError(
            f"config: datasets.{_dataset}.modalities must be [{_media}]: a clip is read from its {_media} file."
        )


# Nodes of a cluster often have no way out to the network.
localrules:
    tau_av_download,


rule tau_av_download:
    output:
        # What was downloaded. The archives and what was in them are not declared: a killed job goes on with them.
        "data/{dataset}/download.json",
    log:
        "data/{dataset}/logs/tau_av_download.log",
    benchmark:
        "data/{dataset}/benchmarks/tau_av_download.tsv"
    wildcard_constraints:
        dataset="|".join(TAU_AV),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("download", attempt),
        runtime=lambda w, attempt: minutes("download", attempt),
        downloads=1,
        # A resource and not a parameter: where from and what is kept do not change what is downloaded.
        access=lambda w: as_json(
            {
                key: value
                for key, value in TAU_AV[w.dataset]["zenodo"].items()
                if key != "record"
            }
        ),
    params:
        settings=lambda w: as_json(
            {
                key: value
                for key, value in (
                    TAU_AV[w.dataset] | TAU_AV[w.dataset]["zenodo"]
                ).items()
                if key in ("media", "record")
            }
        ),
        folder="data/{dataset}/download",
    shell:
        "python -m avbench zenodo --kind tau_av --settings {params.settings:q} --access {resources.access:q}"
        " --directory {params.folder:q} --output {output:q} > {log:q} 2>&1"


rule tau_av_manifest:
    input:
        lambda w: (
            f"data/{w.dataset}/download.json" if "zenodo" in TAU_AV[w.dataset] else []
        ),
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/tau_av_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/tau_av_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(TAU_AV),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            {"directory": f"data/{w.dataset}/download"}
            | {
                key: value
                for key, value in TAU_AV[w.dataset].items()
                if key != "zenodo"
            }
        ),
    shell:
        "python -m avbench manifest --kind tau_av --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
