# The controlled dataset: real media files generated from a seed (docs/controlled-dataset.md).

from avbench.config.capacity import Held
from avbench.plan.consistency import check_sizes

CONTROLLED = experiment.datasets_of("controlled.smk")

for _dataset in CONTROLLED:
    _options = experiment.dataset_options(_dataset, "controlled")
    _classes, _clips = _options["classes"], _options["train"]
    check_sizes(experiment, Held(_dataset, _classes, _classes * _clips, _clips, _clips))


rule controlled_media:
    output:
        # What was generated, with every clip's true factors. The media files themselves are not declared: those
        # that a killed job has finished are kept.
        "data/{dataset}/factors/{shard}.csv",
    log:
        "data/{dataset}/logs/controlled_media/{shard}.log",
    benchmark:
        "data/{dataset}/benchmarks/controlled_media/{shard}.tsv"
    wildcard_constraints:
        dataset="|".join(CONTROLLED),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("controlled_media", attempt),
        runtime=lambda w, attempt: minutes("controlled_media", attempt),
    params:
        settings=lambda w: as_json(
            experiment.datasets[w.dataset]["options"] | {"name": w.dataset}
        ),
        shards=lambda w: experiment.datasets[w.dataset]["shards"],
        folder="data/{dataset}",
    shell:
        "python -m avbench controlled-media --settings {params.settings:q} --directory {params.folder:q}"
        " --shard {wildcards.shard} --shards {params.shards} --output {output:q} > {log:q} 2>&1"


rule controlled_manifest:
    input:
        lambda w: expand(
            "data/{dataset}/factors/{shard}.csv",
            dataset=w.dataset,
            shard=shard_names(w.dataset),
        ),
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/controlled_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/controlled_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(CONTROLLED),
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
    params:
        settings=lambda w: as_json(
            experiment.datasets[w.dataset]["options"] | {"name": w.dataset}
        ),
    shell:
        "python -m avbench controlled-manifest --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"
