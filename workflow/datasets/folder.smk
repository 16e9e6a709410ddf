# A user's own files: a folder with one folder per class, or a CSV that lists the clips.

FOLDER = {
    name: experiment.dataset_options(name, "folder")
    | ({"multi_label": True} if experiment.multi_label(name) else {})
    for name in experiment.datasets_of("folder.smk")
}


rule folder_manifest:
    input:
        lambda w: FOLDER[w.dataset].get("list", []),
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/folder_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/folder_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(FOLDER),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("folder_manifest", attempt),
        runtime=lambda w, attempt: minutes("folder_manifest", attempt),
    params:
        settings=lambda w: as_json(FOLDER[w.dataset]),
    shell:
        "python -m avbench manifest --kind folder --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
