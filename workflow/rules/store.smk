# Manifest → store and ledger: each shard is decoded, checked and packed; every listed clip ends in one ledger row.


rule pack:
    input:
        manifest="data/{dataset}/clips.csv",
    output:
        store="data/{dataset}/store/{shard}.arrow",
        ledger="data/{dataset}/ledger/{shard}.parquet",
    log:
        "data/{dataset}/logs/pack/{shard}.log",
    benchmark:
        "data/{dataset}/benchmarks/pack/{shard}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        shards=lambda w: experiment.datasets[w.dataset]["shards"],
        store_settings=lambda w: as_json(experiment.store_settings(w.dataset)),
        check_settings=lambda w: as_json(experiment.check_settings(w.dataset)),
        # Finished clips wait here while a shard is packed; not an output, so that a killed job keeps them.
        work="data/{dataset}/packing",
    shell:
        "python -m avbench pack --manifest {input.manifest:q} --shard {wildcards.shard} --shards {params.shards}"
        " --store-settings {params.store_settings:q} --check-settings {params.check_settings:q}"
        " --store {output.store:q} --ledger {output.ledger:q} --work {params.work:q} --threads {threads}"
        " > {log:q} 2>&1"


rule ledger:
    input:
        manifest="data/{dataset}/clips.csv",
        ledgers=lambda w: expand(
            "data/{dataset}/ledger/{shard}.parquet",
            dataset=w.dataset,
            shard=shard_names(w.dataset),
        ),
        stores=lambda w: expand(
            "data/{dataset}/store/{shard}.arrow",
            dataset=w.dataset,
            shard=shard_names(w.dataset),
        ),
    output:
        "data/{dataset}/ledger.parquet",
    log:
        "data/{dataset}/logs/ledger.log",
    benchmark:
        "data/{dataset}/benchmarks/ledger.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    shell:
        "python -m avbench ledger --ledgers {input.ledgers:q} --manifest {input.manifest:q} --output {output:q}"
        " > {log:q} 2>&1"


# The gate of everything downstream: apart from the ledger, so that the ledger survives when coverage is too low.
rule coverage:
    input:
        "data/{dataset}/ledger.parquet",
    output:
        "data/{dataset}/coverage.json",
    log:
        "data/{dataset}/logs/coverage.log",
    benchmark:
        "data/{dataset}/benchmarks/coverage.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        minimum=lambda w: experiment.datasets[w.dataset]["min_coverage"],
    shell:
        "python -m avbench coverage --ledger {input:q} --dataset {wildcards.dataset} --minimum {params.minimum}"
        " --output {output:q} > {log:q} 2>&1"
