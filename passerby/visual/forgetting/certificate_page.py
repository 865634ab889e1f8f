"""The certificate of a removal as a page to be printed or sent: no picture, no vector."""

from __future__ import annotations

from passerby.gallery.forgetting.certificate import Certificate
from passerby.visual.report_page import TEMPLATES


def certificate_page(certificate: Certificate) -> str:
    """The page, as HTML; the template (``certificate.html``) escapes all texts."""
    return TEMPLATES.get_template("forgetting/certificate.html").render(
        version=certificate.version, one=certificate, sha256=certificate.sha256
    )
