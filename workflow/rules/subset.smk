# Ledger → pretraining subsets: size × class balance, nested by a keyed hash.


rule subset:
    input:
        ledger="data/{dataset}/ledger.parquet",
        coverage="data/{dataset}/coverage.json",
    output:
        "results/{experiment}/subsets/{dataset}/{subset}.csv",
    log:
        "results/{experiment}/logs/subset/{dataset}/{subset}.log",
    benchmark:
        "results/{experiment}/benchmarks/subset/{dataset}/{subset}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda w: as_json(experiment.subset_settings(w.subset)),
    shell:
        "python -m avbench subset --ledger {input.ledger:q} --settings {params.settings:q} --output {output:q}"
        " > {log:q} 2>&1"
