"""Pack a directory as an image that `ctr images import` reads: pack_image.py NAME DIRECTORY TAR [COMMAND...]."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Give an entry of the layer to root, whoever owns the file here."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def pack(name: str, directory: str, command: list[str]) -> bytes:
    """Return the image as a tar of the form that `docker save` writes: manifest, configuration, one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as files:
        files.add(directory, arcname=".", filter=as_root)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Cmd": command, "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "configuration.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    members = {
        "manifest.json": json.dumps(manifest).encode(),
        "configuration.json": json.dumps(configuration).encode(),
        "layer.tar": layer.getvalue(),
    }
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return image.getvalue()


if __name__ == "__main__":
    image_name, source, target, *image_command = sys.argv[1:]
    with open(target, "wb") as file:
        file.write(pack(image_name, source, image_command))
