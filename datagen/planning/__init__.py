"""The plan: every item of a recipe as a function of its number, before anything runs."""

from datagen.planning.items import Item, ShardKey
from datagen.planning.plan import Plan

__all__ = ["Item", "Plan", "ShardKey"]
