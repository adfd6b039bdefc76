"""Rights: which uses licenses and consent permit, decided before any image is read."""

from datagen.rights.adults import ADULT_AGE, is_adult, refuse_age
from datagen.rights.authors import needs_attribution, stated_attribution
from datagen.rights.gate import Decision, check_rights, source_terms, today
from datagen.rights.purpose import Purpose
from datagen.rights.terms import Terms, combine, license_of
from datagen.rights.weights import restricting, weight_terms

__all__ = [
    "ADULT_AGE",
    "Decision",
    "Purpose",
    "Terms",
    "check_rights",
    "combine",
    "is_adult",
    "license_of",
    "needs_attribution",
    "refuse_age",
    "restricting",
    "source_terms",
    "stated_attribution",
    "today",
    "weight_terms",
]
