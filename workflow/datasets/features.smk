# A list of clips without media: features of them were computed before, and stand for the encoders.

FEATURE_LISTS = {
    name: experiment.dataset_options(name, "features")
    for name in experiment.datasets_of("features.smk")
}


# Nothing is packed: a clip is stored if every file of features has it.
ruleorder: listed_clips > ledger


rule listed_clips:
    input:
        list=lambda w: FEATURE_LISTS[w.dataset]["list"],
        features=lambda w: experiment.given_files(w.dataset),
    output:
        manifest=paths.MANIFEST,
        store=f"{paths.DATA}/{{dataset}}/store/000.arrow",
        ledger=paths.LEDGER,
        duplicates=paths.DUPLICATES,
        recordings=paths.RECORDINGS,
    log:
        paths.data_log("listed_clips"),
    benchmark:
        paths.data_benchmark("listed_clips")
    wildcard_constraints:
        dataset="|".join(FEATURE_LISTS),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("embed", attempt),
        runtime=lambda w, attempt: minutes("folder_manifest", attempt),
    params:
        store=lambda w: as_json(experiment.store_settings(w.dataset)),
        checks=lambda w: as_json(experiment.check_settings(w.dataset)),
    shell:
        "python -m avbench listed-clips --list {input.list:q} --features {input.features:q} --settings {params.store:q} --checks {params.checks:q}"
        " --manifest {output.manifest:q} --store {output.store:q} --ledger {output.ledger:q}"
        " --duplicates {output.duplicates:q} --recordings {output.recordings:q} > {log:q} 2>&1"
