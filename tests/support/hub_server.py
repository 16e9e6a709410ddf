"""A stand-in of the Hugging Face Hub on 127.0.0.1: revisions, trees of files, and files behind a redirect."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.file_server import FileServer, Handler

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _HubHandler(Handler):
    def do_HEAD(self):  # noqa: N802 (the name that the base class calls)
        _, _, _, _, _, commit, name = self.path.split("/", 6)
        content = self.owner.files[self.owner.file(name)]
        told = {"X-Repo-Commit": commit, "X-Linked-Size": str(len(content))}
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        self.start(302, 0, **told, **{"X-Linked-Etag": etag, "Location": f"{self.owner.cdn}{self.owner.file(name)}"})

    def do_GET(self):  # noqa: N802
        owner = self.owner
        gated = owner.token and self.path.startswith("/datasets/")
        if gated and self.headers.get("Authorization") != f"Bearer {owner.token}":
            owner.requests.append((self.path, self.headers.get("Range")))
            return self.start(401, 0, **{"X-Error-Code": "GatedRepo"})
        if self.path.startswith("/cdn/"):
            # Where files lie is another host: a token has no business there.
            owner.leaked |= "Authorization" in self.headers and self.headers["Host"] != owner.host
        return super().do_GET()


class HubServer(FileServer):
    """Serves dataset repositories; ``token`` is what their files ask for, if they do.

    ``behave(server.file(name), …)`` says how the next requests for a file are answered, see :class:`FileServer`.
    """

    handler = _HubHandler

    def __init__(self):
        super().__init__()
        self.token, self.leaked, self.host = "", False, ""

    def __enter__(self):
        super().__enter__()
        self.host = self.url.removeprefix("http://")
        return self

    def add(self, repo, files, commit=COMMIT, revision="main"):
        """Serve a repository's files, name → bytes."""
        tree = []
        for name, content in files.items():
            digest = hashlib.sha256(content).hexdigest()
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry = {"type": "file", "path": name, "size": len(content), "oid": git}
            if len(content) > 1000:  # small files are Git's own
                entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 134}
            tree.append(entry)
            self.files[self.file(name)] = content
            # By another name of the same machine, as a CDN is another host.
            self.behave(f"/datasets/{repo}/resolve/{commit}/{name}", f"to {self.cdn}{self.file(name)}!")
        self.files[f"/api/datasets/{repo}/revision/{revision}"] = json.dumps(
            {"id": repo, "sha": commit, "private": False, "downloads": 0, "likes": 0, "tags": []}
        ).encode()
        self.files[self.tree(repo, commit)] = json.dumps(tree).encode()

    @property
    def cdn(self):
        return self.url.replace("127.0.0.1", "localhost")

    @staticmethod
    def file(name):
        return f"/cdn/{name}"

    @staticmethod
    def tree(repo, commit=COMMIT):
        return f"/api/datasets/{repo}/tree/{commit}?recursive=true&expand=false"


def environment(server, home, **more):
    """Return the environment of a process for which a stand-in is the Hub, and ``home`` the library's folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    told = {"HF_ENDPOINT": server.url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}
    return own | told | more


def command(folder, **settings):
    """Return the command that unpacks a repository's clips to ``folder``."""
    told = json.dumps({"repo": "Some/Clips", "pattern": "*.tar.gz"} | settings)
    there = ["--directory", str(folder), "--output", f"{folder}.json"]
    return [sys.executable, "-m", "avbench", "hub", "--settings", told, *there]


def run(folder, server, **more):
    """Unpack the clips of ``Some/Clips``; return the status and what was printed. ``settings`` is the source's."""
    settings = more.pop("settings", {})
    environ = environment(server, Path(folder).with_name("home"), **more)
    made = subprocess.run(command(folder, **settings), env=environ, capture_output=True, text=True, timeout=120)
    return made.returncode, made.stdout + made.stderr
