# VGGSounder: VGGSound's list of clips, and the labels of what is heard and seen in its test clips.

VGGSOUNDER = {
    name: experiment.dataset_options(name, "vggsounder")
    for name in experiment.datasets_of("vggsounder.smk")
}

for _dataset in VGGSOUNDER:
    if not experiment.multi_label(_dataset):
        raise UserError(
            f"config: datasets.{_dataset}.multi_label must be true: VGGSounder's clips have several labels."
        )


# Nodes of a cluster often have no way out to the network.
localrules:
    vggsounder_list,


rule vggsounder_list:
    input:
        lambda w: VGGSOUNDER[w.dataset][w.which].get("path", []),
    output:
        "data/{dataset}/{which}.csv",
    log:
        "data/{dataset}/logs/vggsounder_{which}.log",
    benchmark:
        "data/{dataset}/benchmarks/vggsounder_{which}.tsv"
    wildcard_constraints:
        dataset="|".join(VGGSOUNDER),
        which="list|labels",
    conda:
        ACQUIRE_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("manifest", attempt),
        runtime=lambda w, attempt: minutes("manifest", attempt),
        downloads=1,
    params:
        settings=lambda w: as_json(VGGSOUNDER[w.dataset][w.which]),
    shell:
        "python -m avbench download-list --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"


rule vggsounder_manifest:
    input:
        listing="data/{dataset}/list.csv",
        labels="data/{dataset}/labels.csv",
        exclude=lambda w: VGGSOUNDER[w.dataset].get("exclude", []),
    output:
        "data/{dataset}/clips.csv",
    log:
        "data/{dataset}/logs/vggsounder_manifest.log",
    benchmark:
        "data/{dataset}/benchmarks/vggsounder_manifest.tsv"
    wildcard_constraints:
        dataset="|".join(VGGSOUNDER),
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
            {
                key: value
                for key, value in VGGSOUNDER[w.dataset].items()
                if key not in ("list", "labels")
            }
        ),
    shell:
        "python -m avbench manifest --kind vggsounder --settings {params.settings:q} --list {input.listing:q}"
        " --labels {input.labels:q}"
        " --output {output:q} > {log:q} 2>&1"
