# Subset → labels used for pairing: the true ones, or a variant. Probes never see these.


rule labels:
    input:
        "results/{experiment}/subsets/{dataset}/{subset}.csv",
    output:
        "results/{experiment}/labels/{dataset}/{subset}/{labels}.csv",
    log:
        "results/{experiment}/logs/labels/{dataset}/{subset}/{labels}.log",
    benchmark:
        "results/{experiment}/benchmarks/labels/{dataset}/{subset}/{labels}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda w: as_json(experiment.label_settings(w.labels)),
    shell:
        "python -m avbench labels --subset {input:q} --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
