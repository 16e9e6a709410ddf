"""Image classifiers: how pictures are prepared, where weights come from, what is learnt here, and what is refused."""

import hashlib
import os

import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision import models as zoo

from avbench.core.errors import UserError
from avbench.data.store import open_store
from avbench.labels.image_classifier import load
from avbench.labels.pseudo import make
from tests.support.file_server import FileServer
from tests.support.pictures import CPU, MODEL, PUBLISHED, network, saved, write_data, write_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def store(data):
    return open_store(data, "toys")


@pytest.fixture(scope="module")
def few(store, tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("few"), store)


@pytest.fixture(scope="module")
def many(store):
    """The bytes of weights for the thousand classes of ImageNet."""
    return saved(network(1000, store).state_dict())


@pytest.fixture
def published(many, tmp_path, monkeypatch):
    """A server that publishes these weights, and a fresh folder for what is downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("http_proxy", raising=False)
    name = f"shuffle-{hashlib.sha256(many).hexdigest()[:8]}.pth"
    with FileServer() as server:
        server.files["/" + name] = many
        server.path, server.kept = "/" + name, tmp_path / "home/hub/checkpoints" / name
        monkeypatch.setattr(PUBLISHED.value, "url", f"{server.url}/{name}")
        yield server


def test_pictures_are_prepared_as_an_image_file_would_be(store, few):
    classifier = load(MODEL, str(few[1]))
    for clip in store.clip_ids[:6]:
        (row,) = store.rows([clip]).tolist()
        frame = store.frames(row)[store.frame_count(row) // 2]
        ours = classifier.prepare(torch.from_numpy(frame[None]))[0]
        assert ours.shape == (3, 224, 224)
        # Pillow rounds the enlarged picture's colours elsewhere: by a level of 255, over a deviation of about 0.225.
        torch.testing.assert_close(ours, PUBLISHED.transforms()(Image.fromarray(frame)), atol=2 / 255 / 0.224, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1.0.weight"), r"1 missing, such as conv1\.0\.weight\.$"),
        (lambda state: state.update({"head.0": torch.ones(2), **state}), r"1 foreign, such as head\.0\.$"),
        (
            lambda state: state.update({"conv1.0.weight": torch.ones(2, 2)}),
            r"does not fit .* size mismatch for conv1\.0",
        ),
        (lambda state: state.update(epoch=3), "holds no state dict, .* but conv1.0.weight"),
        (lambda state: state.clear(), "holds no state dict"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_entries_at_fault(change, message, few, tmp_path):
    state = dict(few[0].state_dict())
    change(state)
    last = state.pop("fc.bias", None)
    if last is not None:
        state["fc.bias"] = last
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(UserError, match=message):
        load(MODEL, str(tmp_path / "other.pt"))


def test_weights_of_another_model_are_refused(few):
    with pytest.raises(UserError, match=r"is no state dict of squeezenet1_1; of its entries \d+ missing, .* foreign"):
        load("squeezenet1_1", str(few[1]))


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.bias": Trap()}, "trap.pt")
    with pytest.raises(UserError, match="trap.pt cannot be read as a state dict"):
        load(MODEL, "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "page.pt").write_text("<html>not found</html>")
    with pytest.raises(UserError, match=r"page\.pt cannot be read as a state dict .* torch\.save"):
        load(MODEL, str(tmp_path / "page.pt"))


def test_names_that_torchvision_does_not_know_are_answered_with_those_it_knows():
    with pytest.raises(UserError, match="no classification model 'efficientnetb0', but .*efficientnet_b0"):
        load("efficientnetb0", "IMAGENET1K_V1")
    with pytest.raises(UserError, match="no classification model 'fasterrcnn_resnet50_fpn'"):
        load("fasterrcnn_resnet50_fpn", "DEFAULT")
    with pytest.raises(UserError, match=r"'IMAGENET2' is no file, nor .* torchvision has IMAGENET1K_V1"):
        load(MODEL, "IMAGENET2")
    with pytest.raises(UserError, match=r"'IMAGENET1K_FEATURES' .* torchvision has IMAGENET1K_V1"):
        load("vgg16", "IMAGENET1K_FEATURES")  # these hold no classifier


def test_published_weights_are_downloaded_once_and_name_their_classes(store, published, many):
    first = load(MODEL, "IMAGENET1K_V1")
    assert published.kept.read_bytes() == many
    again = load(MODEL, "IMAGENET1K_V1")
    assert published.paths() == [published.path]
    assert first.classes == again.classes == PUBLISHED.meta["categories"]
    assert len(set(first.classes)) == 1000
    clips = store.clip_ids[:20]
    expected = make(store, clips, first, CPU)
    pd.testing.assert_frame_equal(make(store, clips, again, CPU), expected)
    # The same file given by its path is known by its name; under another name its classes are numbers.
    pd.testing.assert_frame_equal(make(store, clips, load(MODEL, str(published.kept)), CPU), expected)
    other = published.kept.with_name("renamed.pth")
    published.kept.rename(other)
    numbered = make(store, clips, load(MODEL, str(other)), CPU)["label"]
    assert [first.classes[int(number)] for number in numbered] == expected["label"].tolist()


@pytest.mark.parametrize("fault", ["404", "500", "broken", "another file"])
def test_a_download_that_fails_says_how_to_supply_the_weights_and_leaves_nothing(fault, published):
    if fault == "another file":
        published.files[published.path] += b"!"
    else:
        published.behave(published.path, fault)
    with pytest.raises(UserError) as caught:
        load(MODEL, "IMAGENET1K_V1")
    message = str(caught.value)
    assert f"IMAGENET1K_V1 of {MODEL} cannot be had" in message
    assert PUBLISHED.url in message
    assert str(published.kept) in message
    assert "weights: PATH" in message
    assert list(published.kept.parent.iterdir()) == []


def test_without_network_the_message_is_the_same(published, monkeypatch):
    published._server.server_close()
    with pytest.raises(UserError, match=r"cannot be had: .*\. Download http://127.* yourself .* or give a file"):
        load(MODEL, "IMAGENET1K_V1")


def test_a_damaged_file_among_the_downloads_is_not_used(published, many):
    published.kept.parent.mkdir(parents=True)
    published.kept.write_bytes(many[:-1000])
    with pytest.raises(UserError, match=r"is damaged or another file: its SHA-256 begins with [0-9a-f]{8}\. Delete it"):
        load(MODEL, "IMAGENET1K_V1")
    assert published.paths() == []


def test_published_classifiers_carry_a_hash_in_their_file_name_and_have_distinct_names_of_classes():
    for name in zoo.list_models(module=zoo):
        members = [member for member in zoo.get_model_weights(name) if member.meta["categories"]]
        assert members
        for member in members:
            digest = member.url.rpartition("/")[2].removesuffix(".pth").rpartition("-")[2]
            assert len(digest) >= 8
            assert int(digest, 16) >= 0
            assert len(set(member.meta["categories"])) == len(member.meta["categories"]) == 1000
