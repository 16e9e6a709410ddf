"""Builders are looked up in the source of their libraries, before any job, and nothing is imported."""

import subprocess
import sys

import pytest

from avbench.config.encoders import BuiltSettings
from avbench.core.errors import UserError
from avbench.plan.builders_known import check_builder
from tests.support.encoder_files import write_mine


@pytest.mark.parametrize(
    "builder",
    [
        "torchvision.models.resnet18",
        "torchvision.models.video.r2plus1d_18",
        "torchaudio.models.wav2vec2_model",
        "torchaudio.pipelines.WAV2VEC2_BASE",
    ],
)
def test_builders_of_libraries_are_found(builder):
    check_builder("k", BuiltSettings(builder))


@pytest.mark.parametrize(
    ("builder", "told"),
    [
        ("torchvision.models.resnet81", "no function 'resnet81' in torchvision.models. Did you mean 'resnet"),
        ("torchvision.modles.resnet18", "there is no module 'torchvision.modles'"),
        ("not_installed_at_all.net", "the package 'not_installed_at_all' is not installed"),
    ],
)
def test_others_are_refused_with_what_was_meant(builder, told):
    with pytest.raises(UserError, match=told):
        check_builder("k", BuiltSettings(builder))


def test_functions_of_a_file(tmp_path):
    mine = write_mine(tmp_path)
    check_builder("k", BuiltSettings(f"{mine}:heard"))
    with pytest.raises(UserError, match="k.builder: .*no function 'haerd' in .*mine.py. Did you mean 'heard'"):
        check_builder("k", BuiltSettings(f"{mine}:haerd"))
    mine.write_text("def (")
    with pytest.raises(UserError, match="is no Python file"):
        check_builder("k", BuiltSettings(f"{mine}:heard"))


@pytest.mark.parametrize(
    "text",
    [
        "net: object = print",
        "other, net = print, print",
        "if True:\n    def net(): ...",
        "try:\n    from fast import net\nexcept ImportError:\n    from slow import run as net",
        "try:\n    import fast\nexcept ImportError:\n    net = print",
        "from fast import *",
    ],
)
def test_whatever_gives_a_name_something_defines_it(tmp_path, text):
    mine = tmp_path / "mine.py"
    mine.write_text(text)
    check_builder("k", BuiltSettings(f"{mine}:net"))
    mine.write_text("def other():\n    net = 1\n\n\nclass Net:\n    def net(self): ...\n")
    with pytest.raises(UserError, match="no function 'net'"):
        check_builder("k", BuiltSettings(f"{mine}:net"))


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from avbench.plan.builders_known import check_builder as c; "
        "from avbench.config.encoders import BuiltSettings as B; c('k', B('torchvision.models.resnet18')); "
        "print(sorted({'torch', 'torchvision', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
