"""``passerby doctor``: what is installed, what the machine gives, what is wrong with it."""

from __future__ import annotations

from passerby.cli.options import Json
from passerby.process.reporting import answer


def doctor(*, json: Json = False, speed: bool = True) -> None:
    """Say what is installed and what the machine gives, and what to do about troubles.

    Fit to paste into an issue: names of no person, paths of the home folder as ~.

    Args:
        speed: measure for some ten seconds how fast it is, too.
    """
    from passerby.doctor.findings import findings_json, findings_text
    from passerby.doctor.installation import installation
    from passerby.doctor.machine import machine

    found = [*installation(), *machine()]
    if speed:
        from passerby.doctor.speed import speed as measured

        found += measured()
    answer(findings_json(found) if json else findings_text(found))
    if any(one.state == "trouble" for one in found):
        raise ValueError("there is trouble: the lines that begin with X, with what to do")
