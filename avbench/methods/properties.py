"""What positives, batches and losses have to keep, ours and those of a user's file: tried on made-up clips."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from avbench.config.choices import Choice
from avbench.config.plugin_files import load
from avbench.core.errors import UserError
from avbench.core.lazy import lazy
from avbench.methods.batches import batches
from avbench.methods.watching import files_opened, global_state

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:  # positives and batches are checked without
    torch, F = lazy("torch"), lazy("torch.nn.functional")

SEED, SIZES, EPOCHS, TURNS = 5, (8, 4), 4, 200
"""A run's seed, clips per batch that are tried, epochs compared, and those in which every clip must have its turn."""

_CLASS_SIZES = ((1, 2, 9, 3, 6), (4, 4, 4, 4, 4), (8, 2, 2, 5, 5, 3))


def check(axis: str, choice: Choice) -> list[str]:
    """Return what a choice does not keep, a sentence each; nothing where all is well.

    Args:
        axis: ``positive``, ``batch`` or ``loss``.
        choice: it is made with the defaults of its keys.
    """
    found: list[str] = []
    checks: dict[str, Callable[[Choice], Iterator[str]]] = {"positive": _positive, "batch": _batch, "loss": _loss}
    if axis == "loss":
        import torch  # noqa: F401  # now, since while it is imported it reads files of its own accord
    with files_opened(getattr(choice.make, "path", "")) as opened:
        try:
            found += checks[axis](choice)
        except Exception as error:  # whatever a user's own code may raise is a finding
            found.append(f"it raises {type(error).__name__}: {error}.")
    if opened:
        found.append(
            f"it opens {opened[0]}: what it may know of the clips is handed to it, and true labels are no part of that "
            "unless they are the method's labels. What other files hold is not in the identity of a run either."
        )
    return list(dict.fromkeys(found))


def check_file(path: str) -> dict[str, list[str]]:
    """Return what the choices of a user's file do not keep, by axis and name; draws are compared with a new process.

    Raises:
        UserError: the file cannot be read, or declares nothing or something that is not allowed.
    """
    declared = load(path)
    found = {f"{axis} {choice.name}": check(axis, choice) for axis, choice in declared}
    code = f"from avbench.methods.properties import print_draws; print_draws({path!r})"
    other = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=other, check=False)
    if done.returncode:
        raise RuntimeError(f"a process to compare draws with failed: {done.stderr}")
    lines = (line.rpartition(" ") for line in done.stdout.splitlines())  # what the file itself prints among them
    elsewhere = {name: digest for name, _, digest in lines}
    for axis, choice in declared:
        name = f"{axis} {choice.name}"
        if axis != "loss" and not found[name] and elsewhere.get(name) != _digest(axis, choice):
            found[name].append("a process that starts anew draws otherwise: a run that goes on would be another.")
    return found


def print_draws(path: str) -> None:
    """Print a digest of what each positive and batch of a file draws."""
    for axis, choice in load(path):
        if axis != "loss":
            with contextlib.suppress(Exception):  # what fails here has failed in the checks
                print(f"{axis} {choice.name} {_digest(axis, choice)}")


# ----------------------------------------------------------------------------------------------------------- positives


def _positive(choice: Choice) -> Iterator[str]:
    for known in _known(choice.needs):
        anchors = _frozen(np.arange(len(known)))
        made = _made(choice, known)
        drawn = {epoch: made.draw(anchors, SEED, epoch, 1.0) for epoch in range(EPOCHS)}
        for clips in drawn.values():
            if not _whole_numbers(clips) or clips.shape != anchors.shape:
                yield "draw does not return a clip's number, an integer, for each anchor."
                return
            if clips.min() < 0 or clips.max() >= len(known):
                yield "draw returns numbers of clips that there are not."
        order = np.random.default_rng(0).permutation(len(known))
        for epoch in reversed(range(EPOCHS)):
            pieces = np.empty_like(drawn[epoch])
            for part in np.array_split(order, 5):
                pieces[part] = made.draw(_frozen(anchors[part]), SEED, epoch, 1.0)
            if not np.array_equal(pieces, drawn[epoch]):
                yield (
                    "what is drawn for a clip depends on the others that are drawn with it, or on what was drawn "
                    "before: draw from avbench.core.rng, by seed, epoch and clip."
                )
        yield from _repeated(partial(_drawn, choice, known, anchors))
        if not np.array_equal(made.draw(anchors, SEED, 0, 0.0), anchors):
            yield "with probability 0 a positive is not the clip itself: see or_self in avbench.methods.positives."


def _drawn(choice: Choice, known: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    return _made(choice, known).draw(anchors, SEED, 1, 1.0)


# ------------------------------------------------------------------------------------------------------------- batches


def _batch(choice: Choice) -> Iterator[str]:
    tried = 0
    for labels, size in product(_known(choice.needs), SIZES):
        try:
            first = _epoch(choice, labels, size, 0)
        except UserError:  # these made-up clips cannot be batched so, as it says itself
            continue
        tried += 1
        yield from _epochs(choice, labels, size, first)
        yield from _repeated(partial(_epoch, choice, labels, size, 1))
    if not tried:
        yield "it refuses all made-up clips."


def _epochs(choice: Choice, labels: np.ndarray, size: int, first: list[np.ndarray]) -> Iterator[str]:
    if not all(_whole_numbers(batch) and batch.ndim == 1 for batch in first) or not first:
        yield "cut does not return arrays of clips' numbers, integers."
        return
    made = _made(choice)
    seen = np.zeros(len(labels), bool)
    least = max(2, made.smallest(first, labels))
    for epoch in range(TURNS):
        drawn = _epoch(choice, labels, size, epoch)
        clips = np.concatenate(drawn)
        if clips.min() < 0 or clips.max() >= len(labels):
            yield "batches have numbers of clips that there are not."
            return
        if len(np.unique(clips)) < len(clips):
            yield "a clip is twice in an epoch."
        if len(drawn) != len(first):
            yield f"epochs have {len(first)} batches, and {len(drawn)}: all need as many."
        sizes = [len(batch) for batch in drawn]
        if min(sizes) < least or max(sizes) > size:
            yield f"batches have {min(sizes)} to {max(sizes)} clips, where they are to have {least} to {size}."
        seen[clips] = True
    if not seen.all():
        yield f"a clip is left out: number {int(np.argmin(seen))} of {len(labels)} is in no batch of {TURNS} epochs."
    if not _same(first, _epoch(choice, labels, size, 0)):
        yield "what is drawn depends on what was drawn before."


def _epoch(choice: Choice, labels: np.ndarray, size: int, epoch: int) -> list[np.ndarray]:
    return batches(choice.name, labels, size, SEED, epoch, **_defaults(choice))


# -------------------------------------------------------------------------------------------------------------- losses


def _loss(choice: Choice) -> Iterator[str]:
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 3, 3])
    za, zv = _unit(8, 1).double(), _unit(8, 2).double()

    def loss(a: torch.Tensor, v: torch.Tensor, of: torch.Tensor, temperature: float = 0.2) -> Any:
        given = _defaults(choice) | ({"labels": of} if choice.needs == "classes" else {})
        return choice.make(a, v, temperature=temperature, **given)

    value, accuracy = loss(za.requires_grad_(), zv.requires_grad_(), labels)
    if value.shape != () or not value.requires_grad or accuracy.shape != () or accuracy.requires_grad:
        yield "it does not return the loss, a scalar with gradient, and the accuracy, a scalar without."
        return
    if not 0 <= float(accuracy) <= 1:
        yield f"the accuracy is {float(accuracy):g}, not a share."
    if choice.exact_gradient and not torch.autograd.gradcheck(
        lambda a, v: loss(a, v, labels[:4])[0],
        [_unit(4, seed)[:, :5].double().requires_grad_() for seed in (1, 2)],
        raise_exception=False,
    ):
        yield "its gradient is not that of its value (torch.autograd.gradcheck, float64)."
    za, zv = za.detach(), zv.detach()
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    if not torch.allclose(loss(za[order], zv[order], labels[order])[0], loss(za, zv, labels)[0]):
        yield "it depends on the order of the rows, which is no part of a batch."
    each = torch.arange(8)
    if not loss(za, za, each)[0] < loss(za, za.roll(1, 0), each)[0]:
        yield "it is no lower where partners are alike than where others are."
    yield from _ranges(loss)
    yield from _repeated(lambda: loss(za, zv, labels)[0].numpy())


def _ranges(loss: Any) -> Iterator[str]:
    """Look for overflow in single precision, and for logits in bfloat16."""
    labels, same = torch.arange(60) % 7, _unit(1, 0).expand(60, 16)
    for a, v in ((same, same), (same, -same), (_unit(60, 1), _unit(60, 2)), (_unit(60, 1), _unit(60, 1))):
        for temperature in (0.07, 0.01):
            given = [a.clone().requires_grad_(), v.clone().requires_grad_()]
            value = loss(*given, labels, temperature)[0]
            grads = torch.autograd.grad(value, given, allow_unused=True)
            if not value.isfinite() or not all(grad is None or grad.isfinite().all() for grad in grads):
                yield f"its value or gradient is not finite at temperature {temperature:g} in single precision."
    a, v = _unit(8, 1).bfloat16(), _unit(8, 2).bfloat16()
    expected = loss(a.float(), v.float(), labels[:8], 0.07)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        if not torch.allclose(loss(a, v, labels[:8], 0.07)[0].float(), expected, rtol=1e-5):
            yield "under autocast it is computed in bfloat16, too coarse for logits: see both_ways in avbench.methods."


def _unit(rows: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)))


# ---------------------------------------------------------------------------------------------------- what they share


def _known(needs: str) -> Iterator[np.ndarray]:
    """Return what a choice may know of made-up clips, which it may not write to."""
    for number, sizes in enumerate(_CLASS_SIZES):
        draw = np.random.default_rng(number)
        labels = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
        if needs == "neighbours":
            clips = range(len(labels))
            yield _frozen(np.array([draw.permutation(np.delete(clips, clip))[:3] for clip in clips]))
        else:
            yield _frozen(labels if needs == "classes" else np.zeros_like(labels))


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


def _defaults(choice: Choice) -> dict[str, Any]:
    return {key.name: key.default for key in choice.keys}


def _made(choice: Choice, *given: Any) -> Any:
    return choice.make(*given, **_defaults(choice))


def _whole_numbers(array: Any) -> bool:
    return isinstance(array, np.ndarray) and np.issubdtype(array.dtype, np.integer)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(np.array_equal, one, other))
    return np.array_equal(one, other)


def _repeated(draw: Callable[[], Any]) -> Iterator[str]:
    """Draw twice, with the global generators elsewhere, and look whether they were touched."""
    before = global_state(1)
    one = draw()
    touched = global_state() != before
    global_state(2)
    if not _same(one, draw()) or touched:
        yield (
            "it draws from a global or an unkeyed generator (random, numpy.random or torch): draw from "
            "avbench.core.rng, by seed, epoch and clip."
        )


def _digest(axis: str, choice: Choice) -> str:
    """Return a digest of what a choice draws of made-up clips."""
    digest = hashlib.sha256()
    for known in _known(choice.needs):
        for epoch in range(EPOCHS):
            if axis == "positive":
                drawn = [_made(choice, known).draw(np.arange(len(known)), SEED, epoch, 1.0)]
            else:
                drawn = []
                for size in SIZES:
                    with contextlib.suppress(UserError):  # where these clips cannot be batched so
                        drawn += _epoch(choice, known, size, epoch)
            for part in drawn:
                digest.update(part.astype(np.int64).tobytes())
    return digest.hexdigest()
