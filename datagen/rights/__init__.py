"""Rights: what may be done with what, decided before a pixel is read."""

from datagen.rights.gate import Decision, check_rights, source_terms, today
from datagen.rights.purpose import Use
from datagen.rights.terms import Terms, combine, license_of
from datagen.rights.weights import weight_terms

__all__ = [
    "Decision",
    "Terms",
    "Use",
    "check_rights",
    "combine",
    "license_of",
    "source_terms",
    "today",
    "weight_terms",
]
