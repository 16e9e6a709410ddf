# TAU Urban Audio-Visual Scenes 2021 (development): the folder that its archives were extracted to.

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


rule tau_av_manifest:
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/tau_av_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/tau_av_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(TAU_AV),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        settings=lambda w: as_json(TAU_AV[w.dataset]),
    shell:
        "python -m avbench manifest --kind tau_av --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
