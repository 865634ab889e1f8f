"""Published weights by name, by URL or on a hub, kept in a cache: what `passerby pull` fetches.

The table holds what could be checked when it was written: addresses as their publishers' own pages
and code have them, and a SHA-256 where several sources agree on it. "" says that none is known: the
hash of what arrives is printed, so that it can be given with ``--sha256`` from then on.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from passerby.process.cache_folder import cache_folder
from passerby.process.spelling import suggest
from passerby.weights.download import (
    LIMIT,
    Fetched,
    checked_url,
    fetch,
    file_name,
    recorded_sha256,
    verified,
)
from passerby.weights.state_dicts import read_weights


@dataclass(frozen=True)
class Published:
    """url: of the file; sha256: all or the first digits of it, "" when unknown; terms: in short."""

    url: str
    sha256: str
    terms: str


_OSNET_LATEST = "https://huggingface.co/kaiyangzhou/osnet/resolve/main"
_OSNET = "https://huggingface.co/kaiyangzhou/osnet/resolve/a5c5cc037c24235cda3b21085b93ad77c9616224"
_MSMT17 = "combineall_256x128_amsgrad_ep150_stp60_lr0.0015_b64_fb10_softmax_labelsmooth_flip_jitter"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_FASTREID = "https://github.com/JDAI-CV/fast-reid/releases/download/v0.1.1"
_IBN = "https://github.com/XingangPan/IBN-Net/releases/download/v1.0"

_FOR_RESEARCH = "published under MIT; trained on MSMT17, whose terms allow research only"
_IMAGENET = "published under MIT; trained on ImageNet, whose terms allow research only"
_FASTREID_TERMS = "published under Apache-2.0; trained on {}, whose terms allow research only"

PUBLISHED: Mapping[str, Published] = {
    "osnet_x0_25_msmt17": Published(
        f"{_OSNET}/osnet_x0_25_msmt17_{_MSMT17}.pth",
        "cf55163d78fc44c62c82f85ab62d39f10438679b5abe8c698ae08cfa84aa6e18",
        _FOR_RESEARCH,
    ),
    "osnet_x0_5_msmt17": Published(f"{_OSNET}/osnet_x0_5_msmt17_{_MSMT17}.pth", "", _FOR_RESEARCH),
    "osnet_x1_0_msmt17": Published(
        f"{_OSNET}/osnet_x1_0_msmt17_{_MSMT17}.pth",
        "48df972f72887b95cf3b43b3a07c3a7d2398381aea0f9cae64a7ef11d512b727",
        _FOR_RESEARCH,
    ),
    "osnet_ibn_x1_0_msmt17": Published(
        f"{_OSNET_LATEST}/osnet_ibn_x1_0_msmt17_{_MSMT17}.pth", "", _FOR_RESEARCH
    ),
    "osnet_ain_x1_0_msmt17": Published(
        f"{_OSNET}/osnet_ain_x1_0_msmt17_256x128_amsgrad_ep50_lr0.0015_coslr_b64_fb10_softmax_"
        "labsmth_flip_jitter.pth",
        "8a07e8da38946f7cee37f4561617bf8b6d2fe8f3a4027852893ea092e46d919f",
        _FOR_RESEARCH,
    ),
    "osnet_x1_0_imagenet": Published(f"{_DRIVE}1LaG1EJpHrxdAxKnSCJ_i0u-nbxSAeiFY", "", _IMAGENET),
    "osnet_x0_75_imagenet": Published(f"{_DRIVE}1uwA9fElHOk3ZogwbeY5GkLI6QPTX70Hq", "", _IMAGENET),
    "osnet_x0_5_imagenet": Published(f"{_DRIVE}16DGLbZukvVYgINws8u8deSaOqjybZ83i", "", _IMAGENET),
    "osnet_x0_25_imagenet": Published(f"{_DRIVE}1rb8UN5ZzPKRc_xvtHlyDh-cSz88YX9hs", "", _IMAGENET),
    "osnet_ibn_x1_0_imagenet": Published(
        f"{_DRIVE}1sr90V6irlYYDd4_4ISU2iruoRG8J__6l", "", _IMAGENET
    ),
    "osnet_ain_x1_0_imagenet": Published(
        f"{_DRIVE}1-CaioD9NaqbHK_kzSMW8VE4_3KcsRjEo", "", _IMAGENET
    ),
    "osnet_ain_x0_75_imagenet": Published(
        f"{_DRIVE}1apy0hpsMypqstfencdH-jKIUEFOW4xoM", "", _IMAGENET
    ),
    "osnet_ain_x0_5_imagenet": Published(
        f"{_DRIVE}1KusKvEYyKGDTUBVRxRiz55G31wkihB6l", "", _IMAGENET
    ),
    "osnet_ain_x0_25_imagenet": Published(
        f"{_DRIVE}1SxQt2AvmEcgWNhaRb2xC4rP6ZwVDP0Wt", "", _IMAGENET
    ),
    # The authors' file names end with the first digits of the SHA-256, as torch.hub checks them.
    "resnet18_ibn_a_imagenet": Published(
        f"{_IBN}/resnet18_ibn_a-2f571257.pth", "2f571257", _IMAGENET
    ),
    "resnet34_ibn_a_imagenet": Published(
        f"{_IBN}/resnet34_ibn_a-94bc1577.pth", "94bc1577", _IMAGENET
    ),
    "resnet50_ibn_a_imagenet": Published(
        f"{_IBN}/resnet50_ibn_a-d9d0bb7b.pth", "d9d0bb7b", _IMAGENET
    ),
    "resnet101_ibn_a_imagenet": Published(
        f"{_IBN}/resnet101_ibn_a-59ea0ac6.pth", "59ea0ac6", _IMAGENET
    ),
    "fastreid_bot_r50_market1501": Published(
        f"{_FASTREID}/market_bot_R50.pth",
        "",
        _FASTREID_TERMS.format("Market-1501"),
    ),
    "fastreid_agw_r50_market1501": Published(
        f"{_FASTREID}/market_agw_R50.pth", "", _FASTREID_TERMS.format("Market-1501")
    ),
    "fastreid_sbs_r50_market1501": Published(
        f"{_FASTREID}/market_sbs_R50.pth", "", _FASTREID_TERMS.format("Market-1501")
    ),
    "fastreid_bot_r50_ibn_msmt17": Published(
        f"{_FASTREID}/msmt_bot_R50-ibn.pth", "", _FASTREID_TERMS.format("MSMT17")
    ),
    "fastreid_sbs_r50_ibn_msmt17": Published(
        f"{_FASTREID}/msmt_sbs_R50-ibn.pth", "", _FASTREID_TERMS.format("MSMT17")
    ),
}

DETECTORS: Mapping[str, Published] = {
    "yolox_nano": Published(
        "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        "published under Apache-2.0; trained on COCO, whose pictures have terms of their own",
    ),
}
"""Networks that find persons in video: no weights to convert or to start from."""


@dataclass(frozen=True)
class Pulled:
    """A file that is here now; known: whether its hash was given or stands in the table; then:
    the command that it is for."""

    file: Fetched
    url: str
    known: bool
    terms: str
    then: str

    def __str__(self) -> str:
        hash_note = "as expected" if self.known else "not known beforehand: keep it for --sha256"
        return "\n".join(
            [
                f"{'in the cache' if self.file.cached else 'fetched'}: {self.url}",
                f"SHA-256 {self.file.sha256} ({hash_note})",
                f"terms: {self.terms or 'ask its publisher'}",
                f"the file is {self.file.path}: {self.then}",
            ]
        )


def pull(
    name: str,
    sha256: str = "",
    out: str | os.PathLike[str] | None = None,
    *,
    limit: int = LIMIT,
) -> Pulled:
    """Fetch published weights into the cache, or into the file ``out``.

    name: of the table `PUBLISHED`, a URL (https), or ``hub:OWNER/REPOSITORY[@REVISION]/FILE`` on
    Hugging Face (or where HF_ENDPOINT says). A file that is there already is checked and not asked
    for again. Raises ValueError when there is no such name or the file cannot be had as expected.
    """
    entry = _entry(name)
    target = Path(out) if out is not None else _place(name, entry)
    known = sha256 or entry.sha256
    fetched = fetch(entry.url, target, known, limit=limit)
    key = name.replace("-", "_")
    then = (
        f"passerby watch SOURCE --detector {key}"
        if key in DETECTORS and out is None
        else f"passerby convert {fetched.path} --out MODEL"
    )
    return Pulled(fetched, entry.url, bool(known), entry.terms, then)


def place_of(name: str) -> Path:
    """Where in the cache a named file of these tables is, once it was fetched."""
    return _place(name, _entry(name))


def pulled_state(name: str) -> dict[str, Tensor]:
    """The state dict of named weights in the cache; ValueError saying how to fetch them."""
    entry = PUBLISHED[name]
    path = _place(name, entry)
    if not path.is_file():
        raise ValueError(
            f"the weights {name} are not here: passerby pull {name} fetches them once ({path}); "
            "or choose network.start=none"
        )
    verified(path, recorded_sha256(path))
    verified(path, entry.sha256)
    return read_weights(path)


def published_listing() -> str:
    """The named weights with what is known of them."""
    lines = []
    for name, entry in published_weights().items():
        known = f"SHA-256 {entry.sha256[:8]}…" if entry.sha256 else "hash unknown"
        lines += [name, f"    {entry.terms}; {known}"]
    return "\n".join(lines)


def published_weights() -> dict[str, Published]:
    """All named weights, those of detectors among them."""
    return {**PUBLISHED, **DETECTORS}


def _entry(name: str) -> Published:
    if name.startswith("hub:"):
        return Published(_hub_url(name), "", "")
    if "://" in name:
        return Published(checked_url(name), "", "")
    key = name.replace("-", "_")
    known = {**PUBLISHED, **DETECTORS}
    if key not in known:
        raise ValueError(
            f"no published weights are named {name!r}{suggest(name, list(known))} (expected a "
            f"URL, hub:OWNER/REPOSITORY/FILE, or one of {', '.join(known)})"
        )
    return known[key]


def _hub_url(name: str) -> str:
    owner, _, rest = name.removeprefix("hub:").partition("/")
    repository, _, path = rest.partition("/")
    repository, _, revision = repository.partition("@")
    steps = [owner, repository, revision or "main", *path.split("/")]
    if any(not re.fullmatch(r"\w[\w.-]*", step, re.ASCII) for step in steps):
        raise ValueError(f"expected hub:OWNER/REPOSITORY[@REVISION]/FILE, got {name!r}")
    home = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    return checked_url(f"{home}/{owner}/{repository}/resolve/{revision or 'main'}/{path}")


def _place(name: str, entry: Published) -> Path:
    """Where in the cache: by name, or by the URL's hash, so that equal file names do not meet."""
    weights = cache_folder() / "weights"
    key = name.replace("-", "_")
    if key in PUBLISHED:
        return weights / key / f"{key}.pth"
    if key in DETECTORS:
        return cache_folder() / "detectors" / f"{key}.onnx"
    return weights / hashlib.sha256(entry.url.encode()).hexdigest()[:16] / file_name(entry.url)
