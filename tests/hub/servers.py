"""Hubs on 127.0.0.1: git's own http-backend with a git-lfs server beside it, and the file APIs of the other two.

They can be made to fail: break off once in the middle, send something else, ask for a token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "tok-5f2c9e1a77b04d3e"
"""The only token that is taken; looked for everywhere afterwards."""
_GIT = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_GIT |= {f"GIT_{who}_{what}": "t@e.st" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Hub:
    """What a server holds, what it is asked, and how it behaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[str, bytes] = {}
        """LFS objects by SHA-256, and files of the other hubs by REPO/NAME."""
        self.private = False
        self.breaks: dict[str, int] = {}
        """By file content's SHA-256: how often it breaks off in the middle before it is sent whole."""
        self.stuck = False
        """Whether every large file ends at 40 %, always."""
        self.corrupt: set[str] = set()
        self.asked: list[tuple[str, str, str]] = []
        """Method, path and range of every request."""
        self.waits: threading.Event | None = None
        """Large files stop in the middle until this is set."""
        self.holds: threading.Event | None = None
        """Uploads are not answered until this is set."""
        self.uploaded: list[str] = []
        self.one_by_one = threading.Lock()
        self.refuse_after: int | None = None
        """How many uploads are taken before the disk is full."""
        self.refusal: tuple[int, Any] = (507, {"message": "disk full"})
        """What it then answers."""
        self.mishaps: list[dict[str, Any]] = []
        """What the LFS server says of an object instead of the truth, once each; {"status": 503} ends the request."""
        self.url = ""

    def served(self, file: Path) -> list[str]:
        """The requests for a large file's bytes, which go by its hash or by its name."""
        oid = hashlib.sha256(file.read_bytes()).hexdigest()
        return [path for _, path, _ in self.asked if path.endswith((f"/store/{oid}", f"/{file.name}", f"={file.name}"))]


def git(folder: Path, *arguments: str, data: bytes | None = None) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=folder, env=_GIT, input=data, capture_output=True, check=True)
    return done.stdout


def publish(hub: Hub, repo: str, model: Path, large: Callable[[Path], bool] = lambda file: file.suffix in LARGE) -> str:
    """Make the model folder a repo of the git hub, its large files by LFS; returns the commit."""
    bare = hub.folder / f"{repo}.git"
    if not bare.is_dir():
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
        git(bare, "config", "http.receivepack", "true")
    entries = b""
    for file in sorted(model.iterdir()):
        content = file.read_bytes()
        if large(file):
            oid = hashlib.sha256(content).hexdigest()
            hub.objects[oid] = content
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
            content = pointer.encode()
        sha = git(bare, "hash-object", "-w", "--stdin", data=content).strip()
        entries += b"100644 blob " + sha + b"\t" + file.name.encode() + b"\n"
    tree = git(bare, "mktree", data=entries).decode().strip()
    commit = git(bare, "commit-tree", tree, "-m", "model").decode().strip()
    git(bare, "update-ref", "refs/heads/main", commit)
    return commit


LARGE = (".safetensors", ".bin")


@contextmanager
def serving(hub: Hub, handler: type[_Handler]) -> Iterator[Hub]:
    """The hub answers at hub.url meanwhile."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if self.hub.private and not self.is_known():
            self.answer(401, {"message": "no"}, {"WWW-Authenticate": 'Basic realm="hub"'})
            return
        self.route(urlsplit(self.path))

    do_POST = do_PUT = do_GET

    def is_known(self) -> bool:
        raise NotImplementedError

    def route(self, url: Any) -> None:
        raise NotImplementedError

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for key, said in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(key, said)
        self.end_headers()
        self.wfile.write(body)

    def send_content(self, content: bytes) -> None:
        """By range, and with the mishap that was ordered for it."""
        hub, name = self.hub, hashlib.sha256(content).hexdigest()
        start = int(re.sub(r"\D", "", self.headers.get("Range", "")) or 0)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if name in hub.corrupt:
            content = bytes(len(content))
        middle = int(len(content) * 0.4)
        if hub.stuck and len(content) > 10_000:
            self.wfile.write(content[start:middle])
            return
        if hub.breaks.get(name):
            hub.breaks[name] -= 1
            self.wfile.write(content[start:middle])
            return
        if hub.waits and len(content) > 10_000:
            self.wfile.write(content[start:middle])
            self.wfile.flush()
            hub.waits.wait(30)
            start = max(start, middle)
        self.wfile.write(content[start:])


class GitHub(_Handler):
    """A git server as OpenXLab's: smart HTTP by git http-backend, git-lfs beside it."""

    def is_known(self) -> bool:
        wanted = base64.b64encode(f"user:{TOKEN}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}" or "/store/" in self.path

    def route(self, url: Any) -> None:
        if url.path.startswith("/moved/"):
            self.answer(301, {}, {"Location": self.hub.url + self.path.removeprefix("/moved")})
        elif url.path.endswith("/info/lfs/objects/batch"):
            self.batch(url.path.partition(".git")[0], json.loads(self.body()))
        elif url.path.endswith("/info/lfs/locks/verify"):
            self.answer(404, {"message": "no locks here"})
        elif "/expired/" in url.path:
            self.answer(403, {"message": "the link has expired"})
        elif "/store/" in url.path:
            self.store(url.path.rpartition("/")[2])
        else:
            self.backend(url)

    def batch(self, repo: str, asked: dict[str, Any]) -> None:
        if not (self.hub.folder / f"{repo.strip('/')}.git").is_dir():
            self.answer(404, {"message": "not found"})
            return
        mishap = self.hub.mishaps.pop(0) if self.hub.mishaps else {}
        if "status" in mishap:
            self.answer(mishap["status"], {"message": "later"})
            return
        objects = []
        for each in asked["objects"]:
            link = {"href": f"{self.hub.url}/store/{each['oid']}", "header": {"X-Link": "1"}}
            known = each["oid"] in self.hub.objects
            if asked["operation"] == "upload":
                objects.append({**each, **({} if known else {"actions": {"upload": link}})})
            elif mishap:
                objects.append({**each, **mishap})
            elif known:
                objects.append({**each, "actions": {"download": link}})
            else:
                objects.append({**each, "error": {"code": 404, "message": "no such object"}})
        self.answer(200, {"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})

    def store(self, oid: str) -> None:
        assert self.headers.get("X-Link") == "1"
        if self.command == "GET":
            self.send_content(self.hub.objects[oid])
            return
        if self.hub.holds:
            self.hub.holds.wait(300)
        content = self.body()
        with self.hub.one_by_one:  # git-lfs sends several at once
            self.take(oid, content)

    def take(self, oid: str, content: bytes) -> None:
        if self.hub.refuse_after is not None and len(self.hub.uploaded) >= self.hub.refuse_after:
            self.answer(*self.hub.refusal)
        elif hashlib.sha256(content).hexdigest() != oid:
            self.answer(422, {"message": "another content"})
        else:
            self.hub.objects[oid] = content
            self.hub.uploaded.append(oid)
            self.answer(200, {})

    def backend(self, url: Any) -> None:
        variables = {
            "GIT_PROJECT_ROOT": str(self.hub.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "user",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=self.body(), env={**_GIT, **variables}, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


class HuggingFace(_Handler):
    """The two requests of Hugging Face that a pull needs. Large files are redirected to another host, as there."""

    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}" or "/cdn/" in self.path

    def route(self, url: Any) -> None:
        path = unquote(url.path)
        if listed := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            repo, revision = listed.groups()
            names = [key for key in self.hub.objects if key.startswith(f"{repo}/")]
            if not names or revision != "main":
                code = "RevisionNotFound" if names else "RepoNotFound"
                self.answer(404, {"error": code}, {"X-Error-Code": code})
                return
            self.answer(200, {"sha": self.commit(repo), "siblings": [self.sibling(repo, key) for key in sorted(names)]})
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[0-9a-f]{40}/(.+)", path):
            key = "/".join(found.groups())
            if key.endswith(LARGE):
                self.send_response(302)
                self.send_header("Location", self.hub.url.replace("127.0.0.1", "localhost") + f"/cdn/{key}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.send_content(self.hub.objects[key])
        else:
            assert "Authorization" not in self.headers, "the token was sent to another host"
            self.send_content(self.hub.objects[path.removeprefix("/cdn/")])

    def commit(self, repo: str) -> str:
        """Another one for every other content."""
        held = sorted((key, content) for key, content in self.hub.objects.items() if key.startswith(f"{repo}/"))
        return hashlib.sha1(repr(held).encode()).hexdigest()

    def sibling(self, repo: str, key: str) -> dict[str, Any]:
        content = self.hub.objects[key]
        name = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        told = {"rfilename": key.removeprefix(f"{repo}/"), "size": len(content), "blobId": name}
        if key.endswith(LARGE):
            told["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return told


class ModelScope(_Handler):
    """The two requests of ModelScope that a pull needs."""

    def is_known(self) -> bool:
        return self.headers.get("Cookie") == f"m_session_id={TOKEN}"

    def route(self, url: Any) -> None:
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        repo = re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo(/files)?", url.path)
        assert repo
        if not repo[2]:
            self.send_content(self.hub.objects[f"{repo[1]}/{asked['FilePath']}"])
            return
        held = {key: content for key, content in self.hub.objects.items() if key.startswith(f"{repo[1]}/")}
        if not held or asked["Revision"] != "master":
            self.answer(200, {"Code": 10010205001, "Success": False, "Message": "not found", "Data": {}})
            return
        files = [
            {"Path": key.removeprefix(f"{repo[1]}/"), "Type": "blob", "Size": len(content)}
            | {"Sha256": hashlib.sha256(content).hexdigest()}
            for key, content in held.items()
        ]
        self.answer(200, {"Code": 200, "Success": True, "Data": {"Files": [*files, {"Path": "x", "Type": "tree"}]}})
