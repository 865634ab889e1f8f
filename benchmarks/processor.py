"""Which CPU a benchmark ran on: ratios of times hold for it alone."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The CPU's model, and which instructions the speed of products depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    known = (
        "avx2",
        "avx512f",
        "avx512_bf16",
        "avx512_vnni",
        "amx_tile",
        "amx_bf16",
        "asimd",
        "sve",
    )
    flags = set((facts.get("flags") or facts.get("Features", "")).split())
    model = facts.get("model name", platform.machine())
    family = f"family {facts.get('cpu family', '?')} model {facts.get('model', '?')}"
    return f"{model} ({family}; {', '.join(f for f in known if f in flags) or 'no vector flags'})"
