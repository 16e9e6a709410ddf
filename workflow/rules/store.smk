# Manifest → store and ledger. Each shard is fetched, decoded, measured and packed; then the checks' thresholds decide
# what may be used. Every listed clip ends in one row of the ledger.


rule unpack:
    input:
        lambda w: experiment.archives(w.dataset)[int(w.archive)],
    output:
        paths.ARCHIVE,
    log:
        paths.data_log("unpack/{archive}"),
    benchmark:
        paths.data_benchmark("unpack/{archive}")
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("unpack", attempt),
        runtime=lambda w, attempt: minutes("unpack", attempt),
    params:
        folder=paths.UNPACKED,
    shell:
        "python -m avbench unpack --archive {input:q} --directory {params.folder:q} --output {output:q} > {log:q} 2>&1"


# Nodes of a cluster often have no way out to the network.
localrules:
    hub,


rule hub:
    output:
        # What was unpacked. Clips and the archive that is under way are not declared: a killed job goes on with them.
        paths.HUB,
    log:
        paths.data_log("hub/{hub}"),
    benchmark:
        paths.data_benchmark("hub/{hub}")
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("download", attempt),
        runtime=lambda w, attempt: minutes("download", attempt),
        downloads=1,
    params:
        settings=lambda w: as_json(experiment.hubs(w.dataset)[w.hub]),
        folder=paths.HUB_FOLDER,
    shell:
        "python -m avbench hub --settings {params.settings:q} --directory {params.folder:q} --output {output:q}"
        " > {log:q} 2>&1"


rule pack:
    input:
        manifest=paths.MANIFEST,
        unpacked=unpacked,
        # There once failed clips were asked for again: python -m avbench retry.
        request=retry_request,
    output:
        # Brought up to date and not made anew: a changed manifest must not download every clip again.
        store=update(paths.STORE_SHARD),
        ledger=update(paths.LEDGER_SHARD),
    log:
        paths.data_log("pack/{shard}"),
    benchmark:
        paths.data_benchmark("pack/{shard}")
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("pack", attempt),
        runtime=lambda w, attempt: minutes("pack", attempt),
        downloads=lambda w: experiment.downloads(w.dataset),
        # A resource and not a parameter: how clips are downloaded does not change those that are there.
        download=as_json(config.get("download", {})),
    params:
        shards=lambda w: experiment.datasets[w.dataset]["shards"],
        settings=lambda w: as_json(experiment.pack_settings(w.dataset)),
        request=lambda w, input: f"--request {input.request}" if input.request else "",
        # Finished clips wait here while a shard is packed; not an output, so that a killed job keeps them.
        work=paths.PACKING,
    shell:
        "python -m avbench pack-shard --manifest {input.manifest:q} --shard {wildcards.shard} --shards {params.shards}"
        " --settings {params.settings:q} --download {resources.download:q}"
        " --store {output.store:q} --ledger {output.ledger:q} --work {params.work:q} {params.request} --threads {threads}"
        " > {log:q} 2>&1"


# Nothing is acquired here, and duplicates are searched with torch.
rule ledger:
    input:
        manifest=paths.MANIFEST,
        ledgers=lambda w: expand(
            paths.LEDGER_SHARD,
            dataset=w.dataset,
            shard=shard_names(w.dataset),
        ),
        stores=lambda w: expand(
            paths.STORE_SHARD,
            dataset=w.dataset,
            shard=shard_names(w.dataset),
        ),
    output:
        ledger=paths.LEDGER,
        duplicates=paths.DUPLICATES,
        recordings=paths.RECORDINGS,
        shards=paths.SHARDS,
    log:
        paths.data_log("ledger"),
    benchmark:
        paths.data_benchmark("ledger")
    conda:
        RESULTS_ENV
    threads: 2
    resources:
        mem_mb=lambda w, input, attempt: memory_mb(
            "ledger", attempt, listed_clips(input.manifest)
        ),
        runtime=lambda w, input, attempt: minutes(
            "ledger", attempt, listed_clips(input.manifest)
        ),
    params:
        checks=lambda w: as_json(experiment.check_settings(w.dataset)),
    shell:
        "python -m avbench ledger --ledgers {input.ledgers:q} --manifest {input.manifest:q} --checks {params.checks:q}"
        " --output {output.ledger:q} --duplicates {output.duplicates:q} --recordings {output.recordings:q}"
        " --shards {output.shards:q} > {log:q} 2>&1"


# The gate of everything downstream: apart from the ledger, so that the ledger survives when coverage is too low. A
# checkpoint, so that Snakemake looks anew at what has to run once it is known what is stored: where that is what it was,
# nothing is repeated. Rules that depend on a dataset have `stored` among their inputs, for only these are looked at anew.
checkpoint coverage:
    input:
        paths.LEDGER,
    output:
        coverage=paths.COVERAGE,
        stored=paths.STORED,
    log:
        paths.data_log("coverage"),
    benchmark:
        paths.data_benchmark("coverage")
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("coverage", attempt),
        runtime=lambda w, attempt: minutes("coverage", attempt),
        # Resources and not parameters: they decide whether there is an outcome, and not which.
        needs=lambda w: as_json(needs(experiment, w.dataset)),
        minimum=lambda w: str(experiment.datasets[w.dataset]["min_coverage"]),
    params:
        # But what is there must not stay where more is asked for.
        enough=lambda w: enough_stored(experiment, Path(paths.DATA), w.dataset),
        sets=lambda w: "--multi-label" if experiment.multi_label(w.dataset) else "",
    shell:
        "python -m avbench coverage --ledger {input:q} --dataset {wildcards.dataset} --minimum {resources.minimum}"
        " {params.sets} --needs {resources.needs:q} --output {output.coverage:q} --stored {output.stored:q} > {log:q} 2>&1"
