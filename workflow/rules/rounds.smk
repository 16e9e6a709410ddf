# Scores of a round of seeds → which claims are decided, and which runs get the next round.


# A checkpoint: what there is to train next is known only when it has ended.
checkpoint decide:
    input:
        plan=paths.fill(paths.PLAN, part="round-{look}"),
        scores=lambda w: reported.scored(paths.SCORES_FILE, int(w.look)),
        predictions=lambda w: reported.scored(paths.PREDICTIONS_FILE, int(w.look)),
        claims=experiment.from_here(config["claims"]),
        datasets=lambda w: used(),
    output:
        paths.ROUND,
    log:
        paths.log("decide/{look}"),
    benchmark:
        paths.benchmark("decide/{look}")
    wildcard_constraints:
        look="|".join(map(str, experiment.looks)),
    conda:
        RESULTS_ENV
    threads: 1
    resources:
        mem_mb=lambda w, attempt: memory_mb("decide", attempt),
        runtime=lambda w, attempt: minutes("decide", attempt),
    shell:
        "python -m avbench decide --plan {input.plan:q} --output {output:q} > {log:q} 2>&1"


# What is decided is said on the console, by the process that was started and not by those of its jobs.
news = RoundNews(logger.info if workflow.is_main_process else lambda line: None)

experiment.rounds.read_by(
    lambda look: news.read(
        checkpoints.decide.get(experiment=experiment.name, look=look).output[0]
    )
)
