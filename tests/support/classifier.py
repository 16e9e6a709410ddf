"""A tiny task, an untrained run and settings for tests that train a classifier on its encoder."""

from avbench.config.evaluation import TrainingSettings
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.tasks import read_tasks
from avbench.data.store import open_store
from avbench.evaluation.classifier import train as loop
from avbench.evaluation.classifier.training_run import ClassifierRun, TrainedParts
from avbench.evaluation.tasks import task_clips
from avbench.features.windows import Clips
from avbench.models.embedder import load_embedder
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support.downstream import FEATURES, write_dataset

STATISTICS = {"mean": [-20.0] * 32, "std": [10.0] * 32}
SETTINGS = TrainingSettings(
    model="small", epochs=12, validations=12, batch_size=12, learning_rate=2e-3, modalities=("audio",)
)
MACHINE = MachineSettings(device="cpu", checkpoint_every_s=1e9)
FROZEN, TRAIN_MODE, FINETUNE = TrainedParts(False, False), TrainedParts(False, True), TrainedParts(True, True)


def write_toys(folder):
    """Write a packed dataset of three tones and colours, and an untrained run; return their folder."""
    write_dataset(folder)
    write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, 0, folder / "run.pt")
    return folder


def tasks(**fields):
    """Return the task of the toys, changed as said."""
    given = {"dataset": "toys", "role": "out-of-domain", "train": "all", "modalities": ["audio", "video"], **fields}
    return read_tasks({"toys": given})


def train(data, parts, settings=SETTINGS, modality="audio", model=None, clips=None, **given):
    """Train on the toys; return what the test clips are taken for."""
    model = model or load_embedder(checkpoint.load(data / "run.pt"))
    clips = task_clips(tasks()[0], data, None) if clips is None else clips
    run = ClassifierRun("toys", modality, parts, clips, FEATURES, settings, seed=0)
    given = {"file": data / "unfinished.pt", "machine": MACHINE, "requests": (), **given}
    return loop.train(model, training_clips(data, run), run, **given)[0]


def training_clips(data, run):
    """Return the clips that a classifier of the toys is trained on."""
    return Clips(open_store(data, "toys"), run.ids("train"), FEATURES, short="repeat")
