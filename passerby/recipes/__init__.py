"""Recipes, one file a method: functions that return a Recipe, so that variants are arguments.

A recipe function is registered under its own name; ``passerby train NAME`` takes it, with options
as in ``"table1_ours(scale=compact)"``.
"""
