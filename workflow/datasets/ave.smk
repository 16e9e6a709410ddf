# AVE: the folder of the extracted set.

AVE = {
    name: experiment.dataset_options(name, "ave")
    for name in experiment.datasets_of("ave.smk")
}


rule ave_manifest:
    input:
        [],
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/ave_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/ave_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(AVE),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(AVE[w.dataset]),
    shell:
        "python -m avbench manifest --kind ave --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
