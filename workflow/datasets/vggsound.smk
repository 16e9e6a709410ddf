# VGGSound: its list of clips, and the folder of the clips that are already downloaded.

VGGSOUND = {
    name: experiment.dataset_options(name, "vggsound")
    for name in experiment.datasets_of("vggsound.smk")
}


# Nodes of a cluster often have no way out to the network.
localrules:
    vggsound_list,


rule vggsound_list:
    input:
        lambda w: VGGSOUND[w.dataset]["list"].get("path", []),
    output:
        "data/{dataset}/list.csv",
    log:
        "data/{dataset}/logs/vggsound_list.log",
    benchmark:
        "data/{dataset}/benchmarks/vggsound_list.tsv"
    wildcard_constraints:
        dataset="|".join(VGGSOUND),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
        downloads=1,
    params:
        settings=lambda w: as_json(VGGSOUND[w.dataset]["list"]),
    shell:
        "python -m avbench download-list --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"


rule vggsound_manifest:
    input:
        listing="data/{dataset}/list.csv",
        exclude=lambda w: VGGSOUND[w.dataset].get("exclude", []),
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/vggsound_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/vggsound_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(VGGSOUND),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "manifest", attempt, listed_clips(input.listing)
        ),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            {key: value for key, value in VGGSOUND[w.dataset].items() if key != "list"}
        ),
    shell:
        "python -m avbench manifest --kind vggsound --settings {params.settings:q} --list {input.listing:q}"
        " --output {output:q} > {log:q} 2>&1"
