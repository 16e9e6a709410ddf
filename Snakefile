# avbench: from datasets to the report. Rules are in workflow/rules, one file per stage; datasets in workflow/datasets.

from snakemake.utils import min_version

min_version("9.20")


# A configuration given on the command line replaces the default one instead of being merged into it:
# what an experiment contains is what its file says.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


for rule_file in experiment.rule_files():

    include: str(rule_file)


include: "workflow/rules/store.smk"
include: "workflow/rules/subset.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/classify.smk"
include: "workflow/rules/report.smk"


if experiment.looks:

    include: "workflow/rules/rounds.smk"


report: "workflow/report/workflow.rst"


localrules:
    all,
    report_page,


rule all:
    default_target: True
    input:
        reported.table_files(),
        reported.figure_files(),
        experiment.path(paths.PAGE),
        experiment.path(paths.REPORT),
