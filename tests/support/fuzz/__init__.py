"""Mutations of accepted inputs, run against the commands in guarded child processes.

``values`` hostile values, ``trees`` and ``binary`` mutators, ``base`` the accepted inputs,
``readers`` and ``release`` what is mutated and run, ``guard`` what a command must not do,
``child`` the process that runs inputs, ``pool`` the children of a run.

The same reader and number give the same input: a failure is repeated with
``python benchmarks/fuzz.py --reader READER --number N --keep FOLDER``.
"""
