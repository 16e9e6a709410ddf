"""Completion of verbs and their options in a shell, and what ``avbench --help`` shows of the verbs."""

import shutil
import textwrap
from collections.abc import Iterable, Mapping

from avbench.cli.arguments import Verbs

# What people call; the rest is called by rules, and works by hand too.
CALLED = (
    *("status", "open", "summary", "power", "sizes", "verify", "pack", "merge", "compare", "publish"),
    *("crate", "export", "models", "check-plugin", "retry", "schema", "completion"),
)
_GAP = 2
_SCRIPT = """\
# Completion for avbench: bash, and zsh by bashcompinit.
if [ -n "$ZSH_VERSION" ]; then
    autoload -U +X compinit && compinit
    autoload -U +X bashcompinit && bashcompinit
fi
_avbench() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{verbs}"
    else
        case "${{COMP_WORDS[1]}} $word" in
{cases}
            *) words="" ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _avbench avbench
"""


def script(verbs: Verbs) -> str:
    """Return the shell's code; where no option is being written, the shell completes files."""
    options = {
        verb_name(function): ["--help", *(name for name, _ in arguments if name.startswith("--"))]
        for function, arguments in verbs.items()
    }
    cases = (f'            "{verb} -"*) words="{" ".join(words)}" ;;' for verb, words in options.items())
    return _SCRIPT.format(verbs=" ".join(in_order(options)), cases="\n".join(cases))


def verb_name(function: object) -> str:
    """Return how a verb is called, which is the name of its function with hyphens."""
    return str(getattr(function, "__name__", "")).replace("_", "-")


def in_order(verbs: Iterable[str]) -> list[str]:
    """Sort verbs: first what people call."""
    verbs = list(verbs)
    return [*CALLED, *(verb for verb in verbs if verb not in CALLED)]


def listed(texts: Mapping[str, str]) -> str:
    """Return the verbs with what each does: first what people call, then what rules call.

    Args:
        texts: what each verb does.
    """
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    first = max(map(len, texts)) + _GAP
    parts = {
        "what people call:": CALLED,
        "the stages, which the workflow's rules call:": [verb for verb in texts if verb not in CALLED],
    }
    lines = []
    for title, verbs in parts.items():
        lines += ["", title]
        for verb in verbs:
            lead = f"    {verb:<{first}}"
            lines.append(textwrap.fill(texts[verb], width, initial_indent=lead, subsequent_indent=" " * len(lead)))
    return "\n".join(lines[1:])
