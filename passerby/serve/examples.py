"""Answers as they are, lists cut short, for the description of the server (OpenAPI)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

EXAMPLES: Mapping[str, object] = {
    "GET /v1/server": {
        "version": "0.1.0",
        "key": None,
        "scopes": ["admin"],
        "galleries": ["lobby"],
        "detector": False,
        "limits": {
            "bytes": 32000000,
            "images": 16,
            "seconds": 60.0,
            "jpeg_pixels": 14062500,
            "png_pixels": 2812500,
            "webp_pixels": 1666666,
        },
    },
    "GET /v1/galleries": {
        "galleries": [
            {
                "name": "lobby",
                "sightings": 176,
                "model": {
                    "name": "street_lite0",
                    "fingerprint": "84aca6b35b365072",
                    "pooling": "plain",
                    "dimensions": 1280,
                },
                "calibrations": [],
            }
        ]
    },
    "GET /v1/summary": {
        "gallery": "lobby",
        "sightings": 176,
        "known": 16,
        "set_aside": 0,
        "persons": 4,
        "cameras": [{"name": "1", "sightings": 88}],
        "days": [],
        "sources": [{"name": "synthetic", "sightings": 176}],
        "bytes": 1033095,
        "index": {"kind": "", "indexed": 0, "rows": 176, "effort": "", "recall": None},
        "model": {
            "name": "street_lite0",
            "fingerprint": "84aca6b35b365072",
            "pooling": "plain",
            "dimensions": 1280,
        },
        "calibrations": [],
        "adapted": [],
        "answers": 0,
        "alerts": 0,
        "created": "2026-11-29T04:57:36+00:00",
    },
    "POST /v1/search": {
        "gallery": "lobby",
        "query": "image 1",
        "images": 1,
        "matches": [
            {
                "rank": 1,
                "sighting": "35231425e27e5c557a55c23d8adf88b9",
                "distance": 0.5164,
                "reranked": None,
                "llr": None,
                "false_match_rate": 0.002506,
                "person": None,
                "camera": "1",
                "source": "synthetic",
                "time": None,
                "frame": 9,
                "tracklet": None,
                "quality": None,
                "sightings": 1,
                "first": None,
                "last": None,
                "seconds": None,
                "pictures": [],
                "transit_llr": None,
                "likelihood_ratio": None,
                "transit_likelihood_ratio": None,
                "joint_likelihood_ratio": None,
                "support": None,
                "likelihood_ratio_interval": None,
                "person_probability": None,
                "picture": "/v1/sightings/2de5408aa56fdfe40977edd5b9f8eab4/pictures/0.jpg"
                "?gallery=lobby",
            }
        ],
        "searched": 175,
        "timeless": 0,
        "exact": True,
        "posterior": None,
        "decision": {
            "fpir": 0.01,
            "false_match_rate": 5.714e-05,
            "threshold": None,
            "ratio": None,
            "answer": None,
            "reason": "0.0025 of the pairs of two persons are as near as "
            "the likeliest, and 175 sightings allow 5.7e-05",
            "basis": "unlabelled sightings",
        },
        "notes": [
            "uncalibrated here: the model's calibration is of other sites "
            "(street_site); for this one: passerby gallery calibrate "
            "GALLERY --review, or --from DATA with labelled crops of it"
        ],
        "scale": "the distance is cosine; a likelihood ratio is evidence about "
        "one pair of pictures; a false-match rate is the share of pairs "
        "of two persons of this gallery that are as near; a probability "
        "is of a candidate among all that could be meant",
    },
    "POST /v1/embed": {
        "vectors": [[0.02106, -0.02454, 0.01593, -0.02849]],
        "model": "84aca6b35b365072",
        "pooling": "plain",
        "dimensions": 1280,
    },
    "POST /v1/compare": {
        "distance": 1.119,
        "metric": "cosine",
        "likelihood_ratio": None,
        "likelihood_ratio_interval": None,
        "support": None,
        "probability": None,
        "same_person": None,
        "prior": 0.5,
        "conclusions": [],
        "warnings": [
            "learnt from synthetic persons: on real ones a stated "
            "false-match rate of 0.001 came out as 0.0032 (page: The "
            "packaged model); calibrate a copy of the model on persons "
            "of your own"
        ],
        "reasons": ["not calibrated where it is used, so that no probability follows"],
    },
    "GET /v1/sightings": {
        "sightings": [
            {
                "sighting": "00c571121675d4ee2a27fb8735c6aed1",
                "person": None,
                "camera": "1",
                "source": "synthetic",
                "time": None,
                "until": None,
                "frame": 42,
                "tracklet": None,
                "quality": None,
                "picture": "/v1/sightings/2de5408aa56fdfe40977edd5b9f8eab4/pictures/0.jpg"
                "?gallery=lobby",
                "pictures": [],
            }
        ],
        "total": 176,
        "next": "-9223372036854775808.00c571121675d4ee2a27fb8735c6aed1",
    },
    "POST /v1/sightings": {
        "added": 1,
        "replaced": 0,
        "present": 0,
        "refused": 0,
        "sightings": ["4841dc4351aaa59d54ba4c70509ee4c7"],
    },
    "GET /v1/sightings/{sighting}": {
        "sighting": "4841dc4351aaa59d54ba4c70509ee4c7",
        "person": None,
        "camera": "1",
        "source": "synthetic",
        "time": None,
        "until": None,
        "frame": 0,
        "tracklet": None,
        "quality": None,
        "picture": "/v1/sightings/2de5408aa56fdfe40977edd5b9f8eab4/pictures/0.jpg?gallery=lobby",
        "pictures": [],
    },
    "POST /v1/decisions": {
        "number": 1,
        "kind": "name",
        "by": "",
        "at": "2026-11-29T05:00:35.006000+00:00",
        "undoes": None,
        "undone_by": None,
        "said": "1 sighting is 'anna'",
        "sightings": 1,
        "answers": 0,
        "persons_before": [],
        "persons_after": ["anna"],
    },
    "GET /v1/persons": {
        "persons": [
            {
                "name": "anna",
                "linked": False,
                "sightings": 1,
                "cameras": ["1"],
                "first": None,
                "last": None,
                "shown": "4841dc4351aaa59d54ba4c70509ee4c7",
                "picture": "/v1/sightings/2de5408aa56fdfe40977edd5b9f8eab4/pictures/0.jpg"
                "?gallery=lobby",
            }
        ],
        "total": 1,
        "next": None,
    },
    "GET /v1/decisions": {
        "decisions": [
            {
                "number": 1,
                "kind": "name",
                "by": "",
                "at": "2026-11-29T05:00:35.006000+00:00",
                "undoes": None,
                "undone_by": None,
                "said": "1 sighting is 'anna'",
                "sightings": 1,
                "answers": 0,
                "persons_before": [],
                "persons_after": ["anna"],
            }
        ]
    },
    "DELETE /v1/sightings/{sighting}": {
        "removed": 1,
        "said": "1 sighting removed: no search finds them from "
        "now on. Image files, dumps and other copies are "
        "not touched\n"
        "physically they stay until: passerby gallery "
        "compact, which says what is gone",
    },
    "GET /v1/audit": {
        "lines": [
            {
                "number": 12,
                "at": "2026-11-29T05:00:35.208+00:00",
                "by": "",
                "did": "DELETE /v1/sightings/{sighting}",
                "details": {
                    "gallery": "lobby",
                    "sighting": "4841dc4351aaa59d54ba4c70509ee4c7",
                    "removed": 1,
                },
                "before": "176338e9f4316bd046bc6ca3b3a457cd27a9b59f1d7e66270f8e1d1bbe251f31",
                "hash": "250c5b3da88f3604d8d4822e53b007a6af9b4d3fcbec1f53e1e07dad352975fb",
            }
        ],
        "whole": True,
        "problem": None,
        "last": "250c5b3da88f3604d8d4822e53b007a6af9b4d3fcbec1f53e1e07dad352975fb",
    },
}
"""By method and path, of an answer that went well."""


def show_examples(application: FastAPI) -> None:
    """Let the description of an application show what its answers are like."""
    plain = application.openapi

    def described() -> dict[str, Any]:
        schema = plain()
        for label, example in EXAMPLES.items():
            method, path = label.split(" ")
            answers = schema["paths"][path][method.lower()]["responses"]
            well = next(answers[status] for status in ("200", "201") if status in answers)
            well["content"]["application/json"]["example"] = example
        return schema

    application.openapi = described  # type: ignore[method-assign]
