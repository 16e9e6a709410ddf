"""Datasets whose classes are colours, and networks of torchvision with random weights that tell their clips apart."""

import io

import torch
from torchvision import models as zoo

from avbench.config.store import StoreSettings
from avbench.data import ledger
from avbench.data.store import write_shard
from tests.support.downstream import write_dataset

MODEL = "shufflenet_v2_x0_5"
PUBLISHED = zoo.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1
CPU = torch.device("cpu")


def write_data(folder):
    """Write two datasets whose classes are colours, and one that only sounds."""
    write_dataset(folder, "toys")
    listed = write_dataset(folder, "colours")
    write_shard(folder / "sounds/store/000.arrow", [], StoreSettings(4.0, 32, 32, video=False))
    ledger.write(folder / "sounds/ledger.parquet", listed[list(ledger.COLUMNS)])
    return folder


def network(classes, store):
    """A network of random weights whose answers differ from clip to clip."""
    torch.manual_seed(3)
    model = zoo.get_model(MODEL, weights=None, num_classes=classes).eval()
    with torch.inference_mode():
        logits = torch.cat([model(middle(store, clip)[None]) for clip in store.clip_ids])
        model.fc.weight /= logits.std(0, keepdim=True).T
        model.fc.bias.copy_((model.fc.bias - logits.mean(0)) / logits.std(0))
    return model


def write_weights(folder, store):
    """Write the weights of a network of five classes; return it and their file."""
    model = network(5, store)
    torch.save(model.state_dict(), folder / "weights.pt")
    return model, folder / "weights.pt"


def middle(store, clip):
    """The middle frame of a clip as the published weights want it, the plain way."""
    (row,) = store.rows([clip]).tolist()
    frames = store.frames(row)
    return PUBLISHED.transforms()(torch.from_numpy(frames[len(frames) // 2]).permute(2, 0, 1))


def saved(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()
