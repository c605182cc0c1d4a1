"""The package as a library: the calls that notebooks and scripts make, one for each command."""
