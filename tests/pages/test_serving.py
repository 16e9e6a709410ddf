import threading
import urllib.request

import pytest

from avbench.cli.main import main
from avbench.core.errors import UserError
from avbench.pages.serving import serving


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "index.html").write_text("the page", encoding="utf-8")
    return tmp_path


def test_a_browser_on_this_machine_gets_the_page(folder):
    server, address = serving(folder, "index.html")
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == b"the page"
        server.shutdown()


def test_a_taken_port_is_named(folder):
    server, _ = serving(folder, "index.html")
    with server, pytest.raises(UserError, match=f"--port: {server.server_port} cannot be had"):
        serving(folder, "index.html", server.server_port)
    with pytest.raises(UserError, match="--port: 70000"):
        serving(folder, "index.html", 70000)


def test_an_experiment_without_a_page_is_the_users_mistake(tmp_path, capsys):
    assert main(["open", str(tmp_path), "--no-browser"]) == 2
    assert str(tmp_path / "index.html") in capsys.readouterr().err
