# Scores → tables, claims, figures. Snakemake's own report collects what is marked with report().
# Which tables and figures there are stands in avbench/results/catalogue.py and avbench/figures/registry.py.


localrules:
    plan,


# What tables and figures are made of, in files: of thousands of runs, a command line cannot hold it.
rule plan:
    input:
        template=workflow.source_path("../templates/plan.json"),
        rounds=lambda w: inputs.rounds(w.part),
    output:
        paths.PLAN,
    log:
        paths.log("plan/{part}"),
    params:
        content=lambda w: reported.part(w.part),
    template_engine:
        "jinja2"


rule tables:
    input:
        plan=paths.fill(paths.PLAN, part="tables"),
        scores=late(lambda: reported.scored(paths.SCORES_FILE)),
        predictions=late(lambda: reported.scored(paths.PREDICTIONS_FILE)),
        records=late(lambda: reported.scored(paths.RECORD_FILE)),
        geometry=late(lambda: reported.geometry),
        runs=late(lambda: reported.facts.run_records),
        dynamics=late(lambda: [entry["path"] for entry in reported.dynamics]),
        tuning=[entry["path"] for entry in trials.tables()],
        labels=late(lambda: reported.label_files),
        subsets=list(reported.facts.subsets.values()),
        datasets=lambda w: used(),
        claims=experiment.from_here(config["claims"]),
        published=experiment.from_here(paths.PUBLISHED),
    output:
        **{
            table.name: report(**reported.shown(table))
            for table in catalogue.of_rule("tables")
        },
        texts=[
            f"{paths.TABLES}/{file}"
            for table in catalogue.of_rule("tables")
            for file in table.files[1:]
        ],
        provenance=paths.fill(paths.TABLE_RECORD, table="tables"),
    log:
        paths.log("tables"),
    benchmark:
        paths.benchmark("tables")
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("tables", attempt),
        runtime=lambda w, attempt: minutes("tables", attempt),
    params:
        folder=paths.TABLES,
    shell:
        "python -m avbench tables --plan {input.plan:q} --output {params.folder:q} > {log:q} 2>&1"


rule coverage_table:
    input:
        ledgers=expand(paths.LEDGER, dataset=experiment.datasets),
        stored=ready(experiment.datasets),
    output:
        **{
            table.name: report(**reported.shown(table))
            for table in catalogue.of_rule("coverage_table")
        },
        provenance=paths.fill(paths.TABLE_RECORD, table="coverage"),
    log:
        paths.log("coverage_table"),
    benchmark:
        paths.benchmark("coverage_table")
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("coverage", attempt),
        runtime=lambda w, attempt: minutes("coverage", attempt),
    params:
        datasets=list(experiment.datasets),
    shell:
        "python -m avbench coverage-table --datasets {params.datasets} --output {output.coverage:q} > {log:q} 2>&1"


rule page:
    input:
        plan=paths.fill(paths.PLAN, part="page"),
        tables=reported.table_files(),
        record=paths.fill(paths.TABLE_RECORD, table="tables"),
        claims=experiment.from_here(config["claims"]),
        datasets=ready(experiment.datasets),
        media=late(lambda: inputs.page_media(reported)),
    output:
        paths.PAGE,
    log:
        paths.log("page"),
    benchmark:
        paths.benchmark("page")
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("page", attempt),
        runtime=lambda w, attempt: minutes("page", attempt),
    params:
        tables=paths.TABLES,
    shell:
        "python -m avbench page --plan {input.plan:q} --tables {params.tables:q} --record {input.record:q} "
        "--output {output:q} > {log:q} 2>&1"


# A job draws all figures of a category: of a single one, half the time would go into starting it.
for figure_category, drawn in reported.categories.items():
    figures_job = part_of(figure_category)

    rule:
        name:
            figures_job
        input:
            plan=paths.fill(paths.PLAN, part=figures_job),
            sources=late(partial(reported.figure_sources, figure_category)),
            subsets=list(reported.facts.subsets.values()),
            datasets=lambda w: used(),
        output:
            [report(**reported.shown(figure)) for figure in drawn],
            [
                paths.fill(paths.FIGURE, figure=figure.name, kind=kind)
                for figure in drawn
                for kind in figure.kinds[1:]
            ],
        log:
            paths.log(f"figures/{figure_category.lower()}"),
        benchmark:
            paths.benchmark(f"figures/{figure_category.lower()}")
        conda:
            RESULTS_ENV
        threads: 1
        resources:
            mem_mb=lambda w, attempt: memory_mb("figures", attempt),
            runtime=lambda w, attempt: minutes("figures", attempt),
        params:
            folder=paths.FIGURES,
        shell:
            "python -m avbench figures --plan {input.plan:q} --output {params.folder:q} > {log:q} 2>&1"


# A rule, so that Snakemake removes what a full disk or a kill has left of it, and the next run makes it.
rule report_page:
    input:
        datasets=ready(experiment.datasets),
        shown=[*reported.table_files(), *reported.figure_files()],
    output:
        paths.REPORT,
    log:
        paths.log("report_page"),
    run:
        make_report(experiment, workflow.main_snakefile, output[0], input.shown, log[0])
