"""Configurations of other toolkits as recipes of ours, one toolkit a file."""
