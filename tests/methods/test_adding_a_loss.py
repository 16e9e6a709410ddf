"""A loss is added by one file: the one that docs/methods.md shows is found, trained with, and described."""

import re
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import avbench.methods.losses

avbench.methods.losses.__path__.append(sys.argv[1])  # where the new file lies
from avbench.config.methods import LOSSES, Method, parse_methods
from avbench.core.errors import UserError

assert "torch" not in sys.modules
assert "margin" in LOSSES
methods = parse_methods({"m": {"loss": "margin", "margin": 0.2}, "n": {"loss": "margin"}, "random": "preset"})
assert [method.margin for method in methods.values()] == [0.2, 0.1, None]
assert methods["m"].recorded()["margin"] == 0.2
assert "margin" not in methods["random"].recorded()  # whose runs stay what they were
for wrong, message in (
    ({"loss": "hard", "margin": 0.2}, "margin: 0.2 has a meaning only with loss: margin"),
    ({"loss": "margin", "margin": -1}, "methods.m.margin: -1 is not allowed; it must be a number of at least 0"),
):
    try:
        parse_methods({"m": wrong})
    except UserError as error:
        assert message in str(error), error
    else:
        raise AssertionError(wrong)

from avbench.config.configuration import json_schema
from avbench.config.key_tables import filled

method = json_schema()["properties"]["methods"]["additionalProperties"]["then"]["properties"]
assert "margin" in method["loss"]["enum"]
assert method["margin"]["minimum"] == 0
page = filled("<!-- choices: loss -->\\n<!-- end -->\\n<!-- keys: methods -->\\n<!-- end -->")
assert "| `margin` | a positive has to be nearer by `margin` | none | `margin` (0.1) |" in page
assert "| `margin` | of margin: what is subtracted from a positive's similarity | 0.1 |" in page

import torch
from avbench.methods.losses import contrast

weights = torch.nn.Linear(8, 4)
optimizer = torch.optim.SGD(weights.parameters(), lr=0.1)
normalize = torch.nn.functional.normalize
heard, seen = torch.randn(16, 8), torch.randn(16, 8)
losses = {}
for name, method in methods.items():
    losses[name], _ = contrast(normalize(weights(heard)), normalize(weights(seen)), None, method, 0.07)
assert losses["m"] > losses["n"] > losses["random"]
before = weights.weight.detach().clone()
losses["m"].backward()
optimizer.step()
assert not torch.equal(before, weights.weight)
after, _ = contrast(normalize(weights(heard)), normalize(weights(seen)), None, methods["m"], 0.07)
assert after < losses["m"]
"""


@pytest.fixture
def documented(root):
    """Return the file that the page shows."""
    page = (root / "docs/methods.md").read_text(encoding="utf-8")
    return next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "LOSS = Choice(" in code)


def test_a_loss_is_one_file(tmp_path, documented):
    (tmp_path / "margin.py").write_text(documented, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
