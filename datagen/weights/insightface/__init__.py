"""The library insightface and the licenses of its model packs."""
