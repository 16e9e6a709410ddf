import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from avbench.cli.completion import CALLED, script, verb_name
from avbench.cli.main import VERBS, main
from avbench.core.files import read_json
from avbench.data import ledger


def test_help_lists_a_verb_for_every_stage(capsys, root):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    used = set()
    for path in root.glob("workflow/**/*.smk"):
        used |= set(re.findall(r"python -m avbench ([a-z-]+)", path.read_text(encoding="utf-8")))
    assert len(used) >= 15
    for verb in used | {"models", "summary"}:
        assert re.search(rf"^    {verb}(?: +|\n +)\w", text, re.MULTILINE), verb


def test_help_shows_first_what_people_call(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    people, _, rules = capsys.readouterr().out.partition("the stages, which")
    verbs = {verb_name(function) for function in VERBS}
    named = [re.findall(r"^    ([a-z-]+) +\w", part, re.MULTILINE) for part in (people, rules)]
    assert named[0] == list(CALLED)
    assert named[1] == [verb for verb in map(verb_name, VERBS) if verb not in CALLED]
    assert set(CALLED) <= verbs


def completed(*words):
    """What bash offers after some words, the last of which is being written."""
    line = " ".join(f"'{word}'" for word in ("avbench", *words))
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words)}; _avbench; echo ${{COMPREPLY[@]}}"
    code = f"{script(VERBS)}\n{ask}"
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_verbs_and_their_options(capsys):
    assert main(["completion"]) == 0
    assert capsys.readouterr().out == script(VERBS)
    assert completed("sta") == ["status", "statistics"]
    assert completed("power", "--se") == ["--seed-sd", "--seeds"]
    assert completed("open", "--") == ["--help", "--port", "--no-browser"]
    assert completed("open", "results") == []  # files, which the shell completes itself


@pytest.mark.parametrize("function", VERBS, ids=lambda function: function.__name__)
def test_every_verb_explains_itself(function, capsys):
    with pytest.raises(SystemExit) as stop:
        main([function.__name__.replace("_", "-"), "--help"])
    assert stop.value.code == 0
    assert function.__doc__ in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")


def test_models_prints_the_papers_figures(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"paper +audio .*4,725,696 .* 8\.0", text)
    assert re.search(r"paper +video .*15,379,136 .* 58\.6", text)
    assert re.search(r"small +audio", text)


def test_a_users_mistake_is_one_paragraph_and_status_2(tmp_path, capsys):
    missing = tmp_path / "none.parquet"
    assert main(["subset", "--ledger", str(missing), "--settings", '{"clips_per_class": 3}', "--output", "x.csv"]) == 2
    error = capsys.readouterr().err
    assert str(missing) in error
    assert len(error.strip().splitlines()) == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("avbench.models.summary.table", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["models"])


@pytest.mark.parametrize("text", ["{", "[]", "@nowhere.json"])
def test_settings_must_be_a_json_object(text, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["subset", "--ledger", "l", "--settings", text, "--output", "x"])
    assert stop.value.code == 2
    assert "--settings" in capsys.readouterr().err


def test_the_command_line_itself_needs_no_torch(tmp_path):
    code = "import sys; from avbench.cli.main import main; main(['--help'])"
    result = subprocess.run(
        [sys.executable, "-c", f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); {code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert result.stdout.strip().endswith("False")


def test_a_job_is_put_together_from_its_parts_and_no_key_is_given_twice(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["untrained", "--job", '{"seeds": [0]}', '{"seeds": [1]}'])
    assert stop.value.code == 2
    assert "argument --job: the key 'seeds' is given twice" in capsys.readouterr().err
    assert main(["untrained", "--job", '{"seeds": [0], "outputs": []}', '{"features": {}, "statistics": "s"}']) == 2
    assert "job: the key 'pretraining' is missing." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "holds no configuration"),
        (b"[1, 2]", "holds no configuration"),
        (b"experiment: caf\xe9", "cannot be read"),
        (b"experiment: a\nexperiment: b\n", "the key 'experiment' is there twice, in lines 1 and 2"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path, capsys, text, message):
    (tmp_path / "mine.yaml").write_bytes(text)
    assert main(["models", "--config", str(tmp_path / "mine.yaml")]) == 2
    assert message in capsys.readouterr().err


def test_a_table_that_is_made_by_hand_has_its_record_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = ("a", "dog", "train", "stored", "", "")
    ledger.write("data/toys/ledger.parquet", pd.DataFrame([row], columns=list(ledger.COLUMNS)))
    (tmp_path / "data/toys/clips.csv").touch()
    assert main(["coverage-table", "--datasets", "toys", "--output", "coverage.csv"]) == 0
    assert list(read_json("provenance/coverage.json")["outputs"]) == ["coverage.csv"]
    assert main(["coverage-table", "--datasets", "toys", "--output", "results/x/tables/coverage.csv"]) == 0
    assert list(read_json("results/x/provenance/coverage.json")["outputs"]) == ["results/x/tables/coverage.csv"]
