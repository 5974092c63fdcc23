"""OpenXLab as its SDK knows it, on 127.0.0.1: the API, and the store that it sends files to. Its git is off."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from hub.address import Address
from tests.hub.servers import Hub, _Handler, serving

MODEL = Address("openxlab", "user/model")
BUCKET = "xlab-models"
AK, SK, NONCE, JWT = "ak-1f", "sk-77c2", "nonce-9", "jwt-55e1"


class Api(_Handler):
    """What openxlab 0.1.3 asks: a sign-in with a nonce, and a link for every file. Git is not served."""

    def is_known(self) -> bool:
        return not self.path.endswith("getFileDownloadUrl") or self.headers.get("Authorization") == JWT

    def route(self, url: Any) -> None:
        if url.path.startswith("/store/"):
            assert "Authorization" not in self.headers, "a link carries its own right"
            self.send_content(self.hub.objects[url.path.removeprefix("/store/")])
        elif url.path.startswith(f"/{BUCKET}/"):
            self.store(unquote(url.path.removeprefix(f"/{BUCKET}/")), url.query)
        elif url.path.startswith("/api/"):
            told = self.told(url.path.removeprefix("/api/"), json.loads(self.body()))
            self.answer(200, {"msgCode": "10000", "msg": "ok", "traceId": "t", "data": told})
        else:
            self.answer(403, {"message": "git is off"})

    def told(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        if path == "sso-be/api/v1/open/auth":
            return self.fine({"nonce": NONCE, "algorithm": "HmacSHA256"})
        if path == "sso-be/api/v1/open/getJwt":
            right = base64.b64encode(hmac.new(SK.encode(), NONCE.encode(), "sha256").digest()).decode()
            return self.fine({"jwt": JWT}) if asked["d"] == right else {"msgCode": "401", "msg": "wrong key"}
        if path == "upload-service/api/v1/getUploadSignature":
            keys = {"accessKeyId": "id", "accessKeySecret": "secret", "stsToken": "sts", "bucket": BUCKET}
            return self.fine({**keys, "object": asked["fileName"], "callback": "", "callbackVar": ""})
        does = path.removeprefix("model-center/api/v1/cli/repository/")
        if does in ("queryModelRepoInfo", "createModelRepository", "getRepositoryModelList", "updateFileUploadStatus"):
            return self.repository(does, asked)
        assert does == "getFileDownloadUrl"
        repo = f"{asked['userName']}/{asked['repositoryName']}/"
        names = [key.removeprefix(repo) for key in self.hub.objects if key.startswith(repo)]
        if not names:
            return {"msgCode": "20404", "msg": "repository does not exist", "traceId": "t"}
        link = {
            name: {
                "url": f"{self.hub.url}/store/{repo}{name}",
                "fileName": name,
                "hash": hashlib.md5(self.hub.objects[repo + name]).hexdigest(),
            }
            for name in names
        }
        heavy = {name: link.pop(name) for name in names if name.endswith(".safetensors")}
        return self.fine({"modelNames": heavy, "filePaths": link})

    def repository(self, does: str, asked: dict[str, Any]) -> dict[str, Any]:
        name = f"{asked.get('userName', 'user')}/{asked.get('repoName') or asked.get('name')}"
        if does == "createModelRepository":
            self.hub.repos.add(name)  # type: ignore[attr-defined]
        if name not in self.hub.repos:  # type: ignore[attr-defined]
            return {"msgCode": "20404", "msg": "repository does not exist", "traceId": "t"}
        held = [key.removeprefix(f"{name}/") for key in self.hub.objects if key.startswith(f"{name}/")]
        models = [{"name": each, "weightName": each} for each in held]
        wanted = [each["name"] for each in (asked.get("models") or [])]
        wanted += [each["name"] for each in (asked.get("updateModels") or [])]
        every = sorted({*wanted, *held, *self.hub.named.get(name, ())})  # type: ignore[attr-defined]
        self.hub.named[name] = every  # type: ignore[attr-defined]
        objects = [
            {"objectName": f"{name}/{each}", "modelName": each, "modelId": 1, "weightName": each} for each in every
        ]
        return self.fine({"models": models, "objects": objects, "repositoryId": 1, "uid": 1})

    def store(self, key: str, query: str) -> None:
        """Alibaba's OSS as far as a multipart upload goes."""
        asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        body, parts = self.body(), self.hub.parts  # type: ignore[attr-defined]
        if "uploads" in asked:
            upload = f"up-{len(parts)}"
            parts[upload] = {}
            told = f"<R><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{upload}</UploadId></R>"
            self.xml(told)
        elif self.command == "PUT":
            if self.hub.refuse_after is not None and len(self.hub.uploaded) >= self.hub.refuse_after:
                self.answer(403, {"message": "quota"})
                return
            self.hub.uploaded.append(key)
            parts[asked["uploadId"]][int(asked["partNumber"])] = body
            self.xml("", {"ETag": '"1"'})
        elif self.command == "GET":
            listed = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>1</ETag><Size>{len(part)}</Size>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Part>"
                for number, part in sorted(parts[asked["uploadId"]].items())
            )
            self.xml(f"<R><IsTruncated>false</IsTruncated>{listed}</R>")
        else:
            wanted = [int(each.text or 0) for each in ET.fromstring(body).iter("PartNumber")]
            held = parts.pop(asked["uploadId"])
            self.hub.objects[key] = b"".join(held[number] for number in sorted(wanted))
            self.xml("<R><ETag>1</ETag></R>", {"ETag": '"1"'})

    def xml(self, told: str, headers: dict[str, str] | None = None) -> None:
        body = told.encode()
        self.send_response(200)
        for name, value in {"x-oss-request-id": "r", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def fine(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"msgCode": "10000", "msg": "ok", "data": data}

    def send_content(self, content: bytes) -> None:
        if self.headers.get("Range") != "bytes=0-0":
            super().send_content(content)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-0/{len(content)}")
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(content[:1])


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path / "server")
    hub.repos, hub.named, hub.parts = {"user/model"}, {}, {}  # type: ignore[attr-defined]
    for name in ("OPENXLAB_AK", "OPENXLAB_SK"):
        monkeypatch.delenv(name, raising=False)
    with serving(hub, Api):
        monkeypatch.setenv("OPENXLAB_GIT_BASE", hub.url)
        monkeypatch.setenv("OPENXLAB_API_BASE", f"{hub.url}/api")
        monkeypatch.setenv("OPENXLAB_OSS_ENDPOINT", hub.url)
        hub.objects |= {f"user/model/{file.name}": file.read_bytes() for file in model.iterdir()}
        yield hub
