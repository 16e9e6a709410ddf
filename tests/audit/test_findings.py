"""What is found, in words and as JSON."""

import json

from avbench.audit.verify import verify
from avbench.core.files import write_text
from tests.support.audited import SEED


def test_the_words_name_what_to_do(results):
    write_text(f"{SEED}/checkpoint.pt", "other weights")
    text = str(verify(results))
    assert "changed: 1" in text
    assert f"  {SEED}/checkpoint.pt\n    expected SHA-256" in text
    assert "→ It was edited or replaced. Bring the old one back, or delete it. Make it again: snakemake " in text
    assert text.endswith("2 findings.")
    content = verify(results).as_json()
    assert len(json.loads(json.dumps(content))["findings"]) == 2
