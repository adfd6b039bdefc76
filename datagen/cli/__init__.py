"""The ``datagen`` command: parse, call, exit code."""
