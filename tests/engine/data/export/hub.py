"""A small local hub: as much of its API as pushing needs, with a token that may write and one that may not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.serving import Local, Quiet, serving

MAY_WRITE, MAY_READ = "hf_may_write", "hf_may_read"


class Hub(Local):
    """By repository: its kind, whether it is private, the files that were committed (path → content) and the word."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.asked: list[str] = []
        self.kind: dict[str, str] = {}
        self.private: dict[str, bool] = {}
        self.committed: dict[str, dict[str, bytes]] = {}
        self.said: dict[str, str] = {}


class _Handler(Quiet):
    server: Hub

    def do_GET(self) -> None:
        """What is known of a repository: /api/datasets/OWNER/NAME or /api/models/OWNER/NAME."""
        self.server.asked.append(self.path)
        name = "/".join(self.path.partition("?")[0].split("/")[3:5])
        if (code := self._refused()) is not None:
            return self._say(code, {"error": "You may not see this."})
        if name not in self.server.private:
            return self._say(404, {"error": "Repository not found"})
        return self._say(200, {"id": name, "private": self.server.private[name]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        code = self._refused()
        if code == 401:
            return self._say(401, {"error": "Invalid username or password."})
        if code == 403 and "validate-yaml" not in self.path:
            return self._say(403, {"error": "You don't have the rights to create this."})
        if self.path.startswith("/api/repos/create"):
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            kind = asked.get("type") or "model"
            there = name in self.server.private
            if not there:
                self.server.private[name] = asked.get("private", asked.get("visibility") == "private")
                self.server.kind[name] = kind
            url = f"{self.server.url}/{'datasets/' if kind == 'dataset' else ''}{name}"
            return self._say(409 if there else 200, {"url": url, "name": name})
        if self.path.endswith("/preupload/main"):
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            return self._say(200, {"files": [{**f, "shouldIgnore": False} for f in files]})
        if self.path.endswith("/commit/main"):
            return self._commit(body)
        return self._say(200, {"errors": [], "warnings": []})

    def _refused(self) -> int | None:
        return {MAY_WRITE: None, MAY_READ: 403}.get(self.bearer(), 401)

    def _commit(self, body: bytes) -> None:
        import base64

        room, *name_of = self.path.split("/")[2:5]
        name = "/".join(name_of)
        files = self.server.committed.setdefault(name, {})
        for line in body.splitlines():
            item = json.loads(line)
            if item["key"] == "file":
                files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            elif item["key"] == "header":
                self.server.said[name] = item["value"]["summary"]
        url = f"{self.server.url}/{'datasets/' if room == 'datasets' else ''}{name}/commit/1"
        self._say(200, {"success": True, "commitOid": "1" * 40, "commitUrl": url, "hookOutput": ""})

    def _say(self, code: int, value: Any) -> None:
        self.say(code, json.dumps(value).encode(), Content_Type="application/json")


@contextmanager
def local_hub() -> Iterator[Hub]:
    hub = Hub()
    with serving(hub):
        yield hub
