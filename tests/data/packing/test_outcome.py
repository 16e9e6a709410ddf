"""The files that keep finished clips until their shard is complete."""

from tests.support.packing import contents, decodings, leave_work, run


def test_finished_work_is_kept_under_harmless_names(two, monkeypatch):
    pieces = leave_work(two, monkeypatch)
    assert len(pieces) == 2
    assert all(set(piece.name) <= set("0123456789abcdef") for piece in pieces)
    calls = decodings(monkeypatch)
    run(two)
    assert calls == []


def test_torn_work_is_done_again(two, monkeypatch):
    reference = run(two, "reference") and contents(two / "reference")
    damages = (lambda data: data[: len(data) // 2], lambda data: bytes(len(data)), lambda data: data[:-1] + b"?")
    for out, damage in zip("xyz", damages, strict=True):
        pieces = leave_work(two, monkeypatch, out)
        pieces[0].write_bytes(damage(pieces[0].read_bytes()))
        with monkeypatch.context() as patch:
            calls = decodings(patch)
            run(two, out)
        assert len(calls) == 1
        assert contents(two / out) == reference
